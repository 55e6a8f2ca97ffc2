import { fail } from '../../../base/errors/fail.ts';
import type { ReadTraceOptions, TraceFault } from './spot-trace.ts';
import type { ParsedTrace } from './tick-counts.ts';

/**
 * Lines `tick,ISO 8601 time,flag`: probes of one instance, and 1 means that it could NOT be started. A missing tick counts as not
 * available and is reported. Errors: COST_TRACE, COST_TRACE_TWIN.
 */
export function parseInterruptionFlags(
  path: string,
  lines: readonly string[],
  { polarity, twin }: ReadTraceOptions,
): ParsedTrace {
  if (polarity === 'available')
    throw fail('COST_TRACE_TWIN', { path, reason: 'lines of tick, time and flag have 1 where nothing is available' });
  const rows = lines.map((line, index) => parsedLine(path, line, index));
  const first = rows[0];
  if (first === undefined) throw fail('COST_TRACE', { path, reason: 'it is empty' });
  const gapS = medianGap(rows.map(({ atMs }) => atMs));
  const length = rows.reduce((most, { tick }) => Math.max(most, tick), 0) + 1;
  if (length > 2 * rows.length + 1000)
    throw fail('COST_TRACE', { path, reason: `${rows.length} lines are fewer than half of ${length} ticks` });
  const counts = new Uint16Array(length);
  const seen = new Uint8Array(length);
  for (const { tick, flag } of rows) {
    seen[tick] = Math.min((seen[tick] ?? 0) + 1, 2);
    counts[tick] = 1 - flag;
  }
  const trace: ParsedTrace = {
    family: 'interruption-flags',
    gapS,
    counts,
    evidence: 'in lines of tick, time and flag, 1 is an interruption',
    startMs: first.atMs,
    faults: faultsOf(rows, seen),
    losses: null,
    lossesUnsorted: null,
  };
  if (twin !== undefined && !counts.every((count, tick) => count === twin.counts[tick]))
    throw fail('COST_TRACE_TWIN', { path, reason: `${twin.name} is not the same recording` });
  return trace;
}

interface Probe {
  readonly tick: number;
  readonly atMs: number;
  readonly flag: number;
}

function parsedLine(path: string, line: string, index: number): Probe {
  const [tickText = '', time = '', flagText = '', ...rest] = line.split(',');
  const tick = Number(tickText);
  const atMs = Date.parse(time);
  const flag = Number(flagText);
  const isTick = /^\d{1,8}$/.test(tickText.trim());
  if (rest.length > 0 || !isTick || Number.isNaN(atMs) || !/^\s*[01]\s*$/.test(flagText))
    throw fail('COST_TRACE', { path, reason: `line ${index + 1} is not tick,time,0 or 1` });
  return { tick, atMs, flag };
}

/** Probes come a second late now and then: the median is the period that was meant. */
function medianGap(times: readonly number[]): number {
  const gaps = times.slice(1).map((at, index) => Math.round((at - (times[index] ?? at)) / 1000));
  const middle = gaps.toSorted((a, b) => a - b)[gaps.length >> 1] ?? 0;
  return middle > 0 ? middle : 60;
}

function faultsOf(rows: readonly Probe[], seen: Uint8Array): readonly TraceFault[] {
  const backwards = rows.filter(({ atMs }, index) => atMs < (rows[index - 1]?.atMs ?? atMs));
  const holes = seen.filter((times) => times === 0).length;
  const repeated = seen.filter((times) => times === 2).length;
  const example = (tick: number) => `tick ${tick}`;
  return [
    ...(backwards.length === 0
      ? []
      : [{ what: 'backwards' as const, count: backwards.length, example: example(backwards[0]?.tick ?? 0) }]),
    ...(holes === 0 ? [] : [{ what: 'hole' as const, count: holes, example: example(seen.indexOf(0)) }]),
    ...(repeated === 0 ? [] : [{ what: 'repeated tick' as const, count: repeated, example: example(seen.indexOf(2)) }]),
  ];
}
