import { fail } from '../../base/errors/fail.ts';
import { type CheckpointCosts, type CheckpointInterval, checkpointInterval } from './interval/checkpoint-interval.ts';
import { bestReplay, type Replay, replayInterval } from './interval/replay-interval.ts';
import type { PolicyOutcome, Simulation } from './simulate.ts';
import type { SpotTrace } from './trace/spot-trace.ts';
import { type TraceStatistics, upPeriods } from './up-periods.ts';

/** Checkpoints of a job over a trace: by formula and by replay. */
export interface CheckpointAdvice extends CheckpointInterval {
  readonly mtbfS: number;
  readonly mtbfIsLowerBound: boolean;
  /** The exact interval, replayed. */
  readonly replayAtExact: Replay;
  readonly bestReplay: Replay;
}

/** The checkpoint interval for the losses of a trace. Errors: COST_INTERVAL, COST_SIMULATION where the gang is never up. */
export function checkpointAdvice(
  trace: SpotTrace,
  { nodes, mtbfS, mtbfIsLowerBound }: TraceStatistics,
  costs: Omit<CheckpointCosts, 'mtbfS'>,
): CheckpointAdvice {
  if (mtbfS === null)
    throw fail('COST_SIMULATION', { reason: `${nodes} instances are never up at once in ${trace.name}` });
  const interval = checkpointInterval({ ...costs, mtbfS });
  const upS = upPeriods(trace.counts, nodes).map(({ ticks }) => ticks * trace.gapS);
  const replay = { upS, ...costs };
  return {
    ...interval,
    mtbfS,
    mtbfIsLowerBound,
    replayAtExact: replayInterval(replay, interval.exactS),
    bestReplay: bestReplay(replay),
  };
}

const DAY_MS = 86_400_000;

/** Limits of a trace, for the reader of its numbers. */
export function traceCaveats(trace: SpotTrace, nowMs: number, changeoverS?: number): readonly string[] {
  const { startMs, hardware, gapS, faults, family, evidence } = trace;
  const age = startMs === null ? undefined : Math.round((nowMs - startMs) / DAY_MS);
  const ticks = changeoverS === undefined ? 0 : Math.ceil(changeoverS / gapS);
  return [
    `the numbers of ${trace.name} are available instances: ${evidence}`,
    age === undefined
      ? `the age of ${trace.name} is not known`
      : `${trace.name} was recorded ${age} days ago: today's market may differ`,
    hardware === null
      ? 'the hardware of the trace is not known'
      : `the trace is of ${hardware} instances: for other hardware it is a proxy`,
    ...faults.map(({ what, count, example }) => `${trace.name}: ${what}: ${count}, such as ${example}`),
    ...(changeoverS !== undefined && changeoverS % gapS !== 0
      ? [`a changeover of ${changeoverS} s is paid as ${ticks} ticks of ${gapS} s`]
      : []),
    ...(family === 'tick-counts' || family === 'interruption-flags'
      ? []
      : ['counts of running instances contain the time that a new instance takes to start']),
  ];
}

/** Limits of every simulation of one price and one trace. */
export const simulationCaveats: readonly string[] = [
  'prices do not change during a run',
  'starts overlap, so they are not independent samples',
  'on demand is always available, unless a share of failed starts is set',
];

const usd = (value: number) => value.toFixed(2);
const hours = (seconds: number) => (seconds / 3600).toFixed(1);
const percentage = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Statistics of a trace in one line or two. */
export function statisticsText({ name }: SpotTrace, one: TraceStatistics): string {
  const { nodes, days, upShare, upPeriods: periods, medianUpH, meanUpH, longestDownH, losses, mtbfS } = one;
  const upText =
    meanUpH === null || medianUpH === null
      ? ''
      : `, up periods of ${meanUpH.toFixed(2)} h on average (median ${medianUpH.toFixed(2)} h)`;
  const lossText =
    mtbfS === null
      ? 'the gang is never up'
      : `${losses} losses in ${(upShare * days * 24 || 0).toFixed(1)} h up${one.mtbfIsLowerBound ? ': the mean time between losses is at least' : ': mean time between losses'} ${hours(mtbfS)} h`;
  return [
    `${name}: ${days.toFixed(1)} days, ${nodes === 1 ? 'an instance' : `${nodes} instances at once`} for ${percentage(upShare)} of the time`,
    `  ${periods} up periods${upText}; longest time down ${longestDownH.toFixed(1)} h; ${lossText}`,
  ].join('\n');
}

/** The policies as a table: late and unfinished runs are next to every mean. */
export function simulationText({ outcomes, starts, omniscientUsd, gapS }: Simulation): string {
  const rows = outcomes.map((one) => [
    one.policy,
    one.costUsd === null ? '–' : usd(one.costUsd.mean),
    ...quantileCells(one),
    one.saving === null ? '–' : percentage(one.saving),
    String(one.late),
    String(one.unfinished),
    one.finishS === null ? '–' : hours(one.finishS.p95),
    one.meanStarts.toFixed(1),
  ]);
  const bound =
    omniscientUsd === null ? [] : [['(omniscient bound)', usd(omniscientUsd), ...Array.from({ length: 8 }, () => '')]];
  const head = ['policy', 'mean USD', 'p10', 'p50', 'p90', 'saving', 'late', 'unfinished', 'p95 finish h', 'starts'];
  return `${starts} starts, a decision every ${gapS} s; means are of runs that finished\n${columns([head, ...rows, ...bound])}`;
}

function quantileCells({ costUsd }: PolicyOutcome): readonly string[] {
  return costUsd === null ? ['–', '–', '–'] : [usd(costUsd.p10), usd(costUsd.p50), usd(costUsd.p90)];
}

/** The interval by formula and replay. */
export function checkpointText(advice: CheckpointAdvice): string {
  const { exactS, youngS, dalyFirstS, dalyHigherS, wallOverWork, replayAtExact, bestReplay: best, mtbfS } = advice;
  const line = (name: string, seconds: number, factor: number) =>
    `  ${name.padEnd(22)}${seconds.toFixed(0).padStart(8)} s  wall time ${Number.isFinite(factor) ? factor.toFixed(3) : 'unbounded'} per second of work`;
  return [
    `checkpoint interval for a mean time between losses of ${advice.mtbfIsLowerBound ? 'at least ' : ''}${mtbfS.toFixed(0)} s`,
    line('exact', exactS, wallOverWork.exact),
    line('Young', youngS, wallOverWork.young),
    line('Daly, first order', dalyFirstS, wallOverWork.dalyFirst),
    line('Daly, higher order', dalyHigherS, wallOverWork.dalyHigher),
    line('exact, replayed', exactS, replayAtExact.wallOverWork),
    line('best of the replay', best.intervalS, best.wallOverWork),
  ].join('\n');
}

/** Rows as aligned columns: the first to the left, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => (row[index] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
