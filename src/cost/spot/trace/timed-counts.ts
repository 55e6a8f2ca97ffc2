import { fail } from '../../../base/errors/fail.ts';
import { type CountAt, countsOnGrid, lossesOf } from './counts-on-grid.ts';
import type { ReadTraceOptions, TraceFamily } from './spot-trace.ts';
import type { ParsedTrace } from './tick-counts.ts';

const vmLine = /^(\d{4}-\d\d-\d\d), *(\d\d:\d\d:\d\d), *(\d{1,6})$/;

/** Lines `date, time, count` of running machines. Errors: COST_TRACE, COST_TRACE_DISORDER. */
export function parseVmCounts(path: string, lines: readonly string[], options: ReadTraceOptions): ParsedTrace {
  const rows = lines.map((line, index) => {
    const match = vmLine.exec(line.trim());
    const atMs = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}Z`);
    if (Number.isNaN(atMs)) throw fail('COST_TRACE', { path, reason: `line ${index + 1} is not date, time, count` });
    return { atS: atMs / 1000, count: Number(match?.[3]) };
  });
  return timedCounts(path, rows, options, 'vm-counts');
}

const stepLine = /^(\d{1,13}(?:\.\d{1,6})?),(\d{1,6})$/;
const secondsIn = { ms: 0.001, s: 1, h: 3600 } as const;

/**
 * Lines `time,count`: a step function whose unit of time is not in the file, so the caller must name it.
 * Errors: COST_TRACE, COST_TRACE_UNIT, COST_TRACE_DISORDER.
 */
export function parseStepCounts(path: string, lines: readonly string[], options: ReadTraceOptions): ParsedTrace {
  const { timeUnit } = options;
  if (timeUnit === undefined) throw fail('COST_TRACE_UNIT', { path });
  const rows = lines.map((line, index) => {
    const match = stepLine.exec(line.trim());
    if (match === null) throw fail('COST_TRACE', { path, reason: `line ${index + 1} is not time,count` });
    return { atS: Number(match[1]) * secondsIn[timeUnit], count: Number(match[2]) };
  });
  return timedCounts(path, rows, options, 'step-counts');
}

/** Counts from instants. Lines that go backwards are refused, because sorting them changes the number of losses. */
function timedCounts(
  path: string,
  rows: readonly CountAt[],
  { sorted = false, gapS = 60 }: ReadTraceOptions,
  family: TraceFamily,
): ParsedTrace {
  const backwards = rows.flatMap(({ atS }, index) => (atS < (rows[index - 1]?.atS ?? atS) ? [index] : []));
  const [first] = backwards;
  if (first !== undefined && !sorted)
    throw fail('COST_TRACE_DISORDER', { path, lines: backwards.length, line: first + 1 });
  const inOrder = first === undefined ? rows : rows.toSorted((a, b) => a.atS - b.atS);
  const startS = inOrder[0]?.atS ?? 0;
  const instants = inOrder.map(({ atS, count }) => ({ atS: atS - startS, count }));
  return {
    family,
    gapS,
    counts: countsOnGrid(path, instants, gapS),
    evidence: 'a line counts running instances',
    startMs: family === 'vm-counts' ? startS * 1000 : null,
    faults: first === undefined ? [] : [{ what: 'backwards', count: backwards.length, example: `line ${first + 1}` }],
    losses: lossesOf(instants),
    lossesUnsorted: first === undefined ? null : lossesOf(rows),
  };
}
