import { fail } from '../../base/errors/fail.ts';
import { printedNumber, printedPercent, wholeLines } from './csv.ts';
import { SampleCollector, type SampleSeries } from './samples.ts';

/**
 * dcgmi dmon: columns by the short names of DCGM's fields, a line an entity and sample. It prints no times.
 *
 *   file   = { "#" "Entity" name { name } | "ID" | entity value { value } | "" }
 *   entity = ("GPU" | "GPU-I" | "GPU-CI" | …) number;  names = GPUTL MCUTL POWER FBUSD FBTTL SMCLK GRACT SMACT SMOCC TENSO DRAMA …
 *
 * Values are `N/A` where a field is not known. Instances (GPU-I) stay apart from their GPU, and are left out, as their shares are
 * of a part of it; so are other entities. Without GPUTL, GRACT stands in for utilisation. Errors: GPU_DAMAGED.
 */
export function parseDcgmiDmon(text: string): readonly SampleSeries[] {
  const samples = new SampleCollector();
  let columns: readonly string[] = [];
  for (const line of wholeLines(text)) {
    const header = /^\s*#\s*Entity\s+(\S.*)$/.exec(line)?.[1];
    if (header !== undefined) columns = header.trim().split(/\s+/);
    const [, gpu, rest = ''] = /^\s*GPU\s+(\d+)\s+(\S.*)$/.exec(line) ?? [];
    const fields = rest.trim().split(/\s+/);
    // A value of several words, or one that is missing: nothing says whose the others are.
    if (gpu === undefined || fields.length !== columns.length) continue;
    const number = (name: string) =>
      columns.includes(name) ? printedNumber(fields[columns.indexOf(name)]) : Number.NaN;
    const share = (name: string) => shareOf(number(name));
    const series = samples.of(gpu);
    const util = printedPercent(columns.includes('GPUTL') ? fields[columns.indexOf('GPUTL')] : undefined);
    series.util.push(Number.isNaN(util) ? 100 * share('GRACT') : util);
    series.memoryController.push(number('MCUTL'));
    series.memoryUsedMb.push(number('FBUSD'));
    const total = number('FBTTL');
    if (total > 0) series.memoryTotalMb = total;
    series.powerW.push(number('POWER'));
    series.clockMhz.push(number('SMCLK'));
    if (columns.includes('SMACT')) series.smActive.push(share('SMACT'));
    if (columns.includes('TENSO')) series.tensorActive.push(share('TENSO'));
    if (columns.includes('DRAMA')) series.dramActive.push(share('DRAMA'));
  }
  const all = samples.all();
  if (all.length === 0)
    throw fail('GPU_DAMAGED', { kind: 'dcgmi dmon output', reason: 'no line of a GPU has the columns of its header' });
  return all;
}

/** A share from 0 to 1; another number is none. */
function shareOf(value: number): number {
  return value >= 0 && value <= 1 ? value : Number.NaN;
}
