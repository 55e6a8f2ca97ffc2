import { fail } from '../../base/errors/fail.ts';
import { linesOf, printedNumber } from './csv.ts';
import { SampleCollector, type SampleSeries } from './samples.ts';

/**
 * nvidia-smi dmon of all ages. Columns are found by the names of the last header line; header and units repeat.
 *
 *   file   = { "#" name { name } | "#" unit { unit } | value { value } | "" }
 *   names  = [Date Time] gpu pwr temp|gtemp mtemp sm mem enc dec jpg ofa mclk pclk fb bar1 ccpm rxpci txpci
 *            gract smutil smocc mmaact dram …
 */
export function parseDmon(text: string): readonly SampleSeries[] {
  const samples = new SampleCollector();
  let columns: readonly string[] = [];
  for (const line of linesOf(text)) {
    const fields = line.trim().split(/\s+/);
    if (line.trim() === '') continue;
    if (line.trimStart().startsWith('#')) {
      const names = line
        .replace('#', '')
        .trim()
        .split(/\s+/)
        .map((name) => name.toLowerCase());
      if (names.includes('gpu')) columns = names;
      continue;
    }
    if (columns.length === 0 || fields.length < columns.length) continue;
    const at = (name: string) => fields[columns.indexOf(name)];
    const number = (name: string) => (columns.includes(name) ? printedNumber(at(name)) : Number.NaN);
    const gpu = at('gpu') ?? '';
    if (!/^\d+$/.test(gpu)) continue;
    const series = samples.of(gpu);
    if (columns.includes('date')) series.timesMs.push(dmonTime(at('date'), at('time')));
    series.util.push(number('sm'));
    series.memoryController.push(number('mem'));
    series.memoryUsedMb.push(number('fb'));
    series.powerW.push(number('pwr'));
    series.clockMhz.push(number('pclk'));
    if (columns.includes('smutil')) series.smActive.push(number('smutil') / 100);
    if (columns.includes('mmaact')) series.tensorActive.push(number('mmaact') / 100);
    if (columns.includes('dram')) series.dramActive.push(number('dram') / 100);
  }
  const all = samples.all();
  if (all.length === 0)
    throw fail('GPU_DAMAGED', { kind: 'nvidia-smi dmon output', reason: 'no line has the columns of its header' });
  return all;
}

function dmonTime(date: string | undefined, time: string | undefined): number {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? '');
  return match === null ? Number.NaN : Date.parse(`${match[1]}-${match[2]}-${match[3]}T${time}Z`);
}

/** One process on one GPU, as nvidia-smi pmon samples it; percent, NaN where missing. */
export interface ProcessSample {
  readonly gpu: string;
  readonly pid: string;
  readonly type: string;
  readonly sm: number;
  readonly memory: number;
  readonly fbMb: number;
  readonly command: string;
}

/**
 * nvidia-smi pmon.
 *
 *   file = { "#" gpu pid type sm mem enc dec [jpg ofa] [fb ccpm] command | values }
 */
export function parsePmon(text: string): readonly ProcessSample[] {
  const found: ProcessSample[] = [];
  let columns: readonly string[] = [];
  for (const line of linesOf(text)) {
    const fields = line.trim().split(/\s+/);
    if (line.trimStart().startsWith('#')) {
      const names = line
        .replace('#', '')
        .trim()
        .split(/\s+/)
        .map((name) => name.toLowerCase());
      if (names.includes('pid')) columns = names;
      continue;
    }
    const at = (name: string) => fields[columns.indexOf(name)];
    if (columns.length === 0 || fields.length < columns.length || !/^\d+$/.test(at('gpu') ?? '')) continue;
    if (at('pid') === '-') continue;
    const number = (name: string) => (columns.includes(name) ? printedNumber(at(name)) : Number.NaN);
    found.push({
      gpu: at('gpu') ?? '',
      pid: at('pid') ?? '',
      type: at('type') ?? '',
      sm: number('sm'),
      memory: number('mem'),
      fbMb: number('fb'),
      command: at('command') ?? '',
    });
  }
  if (columns.length === 0) throw fail('GPU_DAMAGED', { kind: 'nvidia-smi pmon output', reason: 'it has no header' });
  return found;
}
