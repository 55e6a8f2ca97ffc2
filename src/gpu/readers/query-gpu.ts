import { fail } from '../../base/errors/fail.ts';
import { printedNumber, printedPercent } from './csv.ts';
import { SampleCollector, type SampleSeries } from './samples.ts';
import { stampMs } from './stamp.ts';
import { parseTable } from './table.ts';

/**
 * nvidia-smi --query-gpu=… --format=csv, and what home-made loggers write in its manner.
 *
 *   file   = column { "," column } { row };  column = name [ "[" unit "]" ]
 *   stamp  = YYYY/MM/DD HH:MM:SS.mmm | ISO 8601 | epoch seconds
 *
 * Without a column that tells GPUs apart, rows that share a moment (less than 60 ms apart) are different GPUs.
 */
export function parseQueryGpu(text: string): readonly SampleSeries[] {
  const { header, rows } = parseTable(text, { kind: 'nvidia-smi CSV' });
  const names = header.map((column) => column.replace(/\s*\[.*\]$/, '').toLowerCase());
  const index = (...wanted: readonly string[]) => names.findIndex((name) => wanted.includes(name));
  const columns = {
    time: index('timestamp', 'time'),
    gpu: index('index', 'gpu', 'gpu_index', 'pci.bus_id', 'gpu_bus_id', 'uuid', 'gpu_uuid', 'gpu_id'),
    name: index('name', 'gpu_name'),
    util: index('utilization.gpu', 'gpu_util', 'utilization_gpu'),
    controller: index('utilization.memory'),
    used: index('memory.used'),
    total: index('memory.total'),
    power: index('power.draw', 'power.draw.instant', 'power.draw.average'),
    clock: index('clocks.sm', 'clocks.current.sm', 'clocks.gr', 'clocks.current.graphics'),
  };
  if (columns.util < 0)
    throw fail('GPU_DAMAGED', { kind: 'nvidia-smi CSV', reason: 'it has no column utilization.gpu' });
  const samples = new SampleCollector();
  let turn = 0;
  let roundStart = Number.NaN;
  let last = Number.NaN;
  for (const { fields: row } of rows) {
    if (row[0]?.trim() === header[0]) continue;
    const time = columns.time < 0 ? Number.NaN : stampMs(row[columns.time]);
    if (columns.gpu < 0) {
      const together = time - last < 60 && time - roundStart < 1000 && time >= last;
      turn = together ? turn + 1 : 0;
      if (!together) roundStart = time;
      last = time;
    }
    const series = samples.of(columns.gpu < 0 ? String(turn) : (row[columns.gpu]?.trim() ?? ''));
    const number = (column: number) => (column < 0 ? Number.NaN : printedNumber(row[column]));
    if (columns.time >= 0) series.timesMs.push(time);
    if (columns.name >= 0) series.name = row[columns.name]?.trim();
    series.util.push(columns.util < 0 ? Number.NaN : printedPercent(row[columns.util]));
    series.memoryController.push(number(columns.controller));
    series.memoryUsedMb.push(number(columns.used));
    const total = number(columns.total);
    if (!Number.isNaN(total)) series.memoryTotalMb = total;
    series.powerW.push(number(columns.power));
    series.clockMhz.push(number(columns.clock));
  }
  return samples.all();
}
