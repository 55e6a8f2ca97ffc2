import { fail } from '../../base/errors/fail.ts';
import { printedNumber, printedPercent, wholeLines } from './csv.ts';
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
  for (const line of wholeLines(text)) {
    const fields = line.trim().split(/\s+/);
    if (line.trim() === '') continue;
    if (line.trimStart().startsWith('#')) {
      const names = line
        .replace('#', '')
        .trim()
        .split(/\s+/)
        .map((name) => name.toLowerCase());
      if (names.includes('gpu')) columns = names;
      // The line of units has as many words: else a name is missing, and nothing says whose values are whose.
      else if (names.length !== columns.length) columns = [];
      continue;
    }
    if (columns.length === 0 || fields.length !== columns.length) continue;
    const at = (name: string) => fields[columns.indexOf(name)];
    const number = (name: string) => (columns.includes(name) ? printedNumber(at(name)) : Number.NaN);
    const share = (name: string) => (columns.includes(name) ? printedPercent(at(name)) : Number.NaN);
    const gpu = at('gpu') ?? '';
    if (!/^\d+$/.test(gpu)) continue;
    const series = samples.of(gpu);
    if (columns.includes('date')) series.timesMs.push(dmonTime(at('date'), at('time')));
    series.util.push(share('sm'));
    series.memoryController.push(share('mem'));
    series.memoryUsedMb.push(number('fb'));
    series.powerW.push(number('pwr'));
    series.clockMhz.push(number('pclk'));
    if (columns.includes('smutil')) series.smActive.push(share('smutil') / 100);
    if (columns.includes('mmaact')) series.tensorActive.push(share('mmaact') / 100);
    if (columns.includes('dram')) series.dramActive.push(share('dram') / 100);
  }
  const all = samples.all();
  if (all.length === 0)
    throw fail('GPU_DAMAGED', { kind: 'nvidia-smi dmon output', reason: 'no line has the columns of its header' });
  return all;
}

/** Milliseconds of `20240104 13:54:35`, which nvidia-smi prints without a zone: taken as UTC. */
export function dmonTime(date: string | undefined, time: string | undefined): number {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? '');
  return match === null ? Number.NaN : Date.parse(`${match[1]}-${match[2]}-${match[3]}T${time}Z`);
}
