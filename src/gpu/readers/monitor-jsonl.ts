import { z } from 'zod';
import { wholeLines } from './csv.ts';
import { SampleCollector, type SampleSeries } from './samples.ts';
import { stampMs } from './stamp.ts';

const record = z.record(z.string(), z.unknown());

/**
 * One JSON object a line, with keys `gpu_usage:N`, `gpu_mem_used:N`, `gpu_mem_total:N` (bytes), as SuperBench's monitor
 * writes. Lines that are no object are left out.
 */
export function parseMonitorLines(text: string): readonly SampleSeries[] {
  const samples = new SampleCollector();
  for (const line of wholeLines(text)) {
    const values = record.safeParse(parsed(line));
    if (!values.success) continue;
    for (const [key, value] of Object.entries(values.data)) {
      const gpu = /^gpu_usage:(\w+)$/.exec(key)?.[1];
      if (gpu === undefined) continue;
      const series = samples.of(gpu);
      const number = (name: string) => {
        const found = values.data[`${name}:${gpu}`];
        return typeof found === 'number' ? found : Number.NaN;
      };
      series.timesMs.push(stampMs(typeof values.data['time'] === 'string' ? values.data['time'] : undefined));
      series.util.push(typeof value === 'number' && value >= 0 && value <= 100 ? value : Number.NaN);
      series.memoryController.push(Number.NaN);
      series.memoryUsedMb.push(number('gpu_mem_used') / 2 ** 20);
      const total = number('gpu_mem_total');
      if (total > 0) series.memoryTotalMb = total / 2 ** 20;
      series.powerW.push(Number.NaN);
      series.clockMhz.push(Number.NaN);
    }
  }
  return samples.all();
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
