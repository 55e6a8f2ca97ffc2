import { fail } from '../base/errors/fail.ts';
import { compareText } from '../base/text-order.ts';
import { steadyRows } from './analysis/kernels.ts';
import { type TraceFacts, traceFacts } from './analysis/trace-facts.ts';
import { diagnose } from './diagnose.ts';
import type { Diagnosis } from './diagnosis.ts';
import { type Cause, causes, type Finding } from './finding.ts';
import { percent } from './rules/rule.ts';
import { gpuKinds, type Trace } from './trace/trace.ts';

/** Differences of less than this are noise of a single run; from 5 % on there is a verdict. */
const NOISE = 0.02;
const VERDICT_FROM = 0.05;

/** A quantity before and after. Microseconds; the change is (after − before) / before. */
export interface Change {
  readonly what: string;
  readonly before: number;
  readonly after: number;
  readonly change: number;
}

/** The result of a comparison. */
export interface Comparison {
  readonly verdict: 'faster' | 'slower' | 'no difference' | 'no claim';
  readonly summary: string;
  readonly changes: readonly Change[];
  /** The causes of before and after, those that went first. */
  readonly causes: readonly CauseChange[];
  /** Median step before over after; null where no step is marked. */
  readonly gain: number | null;
}

/** A cause before and after, with the largest share of a step that its findings take. */
export interface CauseChange {
  readonly cause: Cause;
  readonly change: 'went' | 'stays' | 'came';
  readonly before: number;
  readonly after: number;
  /** The possible gain of a disappeared or a present cause; null if no bound is known. */
  readonly ceiling: number | null;
}

/**
 * Compares two traces: medians of steady steps. Captures cut to the same span allow no claim about speed.
 * Errors: GPU_NOT_COMPARABLE for other hardware or another number of ranks, GPU_NO_DATA.
 */
export function compareTraces(
  before: { path: string; trace: Trace },
  after: { path: string; trace: Trace },
): Comparison {
  const [one, other] = [hardwareOf(before.trace), hardwareOf(after.trace)];
  if (one !== other)
    throw fail('GPU_NOT_COMPARABLE', {
      reason: `the first is of ${one || 'an unnamed GPU'}, the second of ${other || 'an unnamed GPU'}`,
    });
  if (before.trace.worldSize !== after.trace.worldSize)
    throw fail('GPU_NOT_COMPARABLE', {
      reason: `the first is one of ${before.trace.worldSize ?? 'an unknown number of'} ranks, the second of ${after.trace.worldSize ?? 'an unknown number'}`,
    });
  const first = traceFacts(before.path, before.trace);
  const second = traceFacts(after.path, after.trace);
  if (first.length === 0 || second.length === 0)
    throw fail('GPU_NO_DATA', { reason: 'one of the traces has no GPU event' });
  if (first.length !== second.length)
    throw fail('GPU_NOT_COMPARABLE', { reason: `the first has ${first.length} GPUs, the second ${second.length}` });
  const changes = changesOf(first, second);
  const span = [...first, ...second].some(({ windows }) => windows[0].kind !== 'stretched');
  const changed = causeChanges(before, after);
  if (span) return { ...noClaim(changes), causes: changed, gain: null };
  const step = changes[0];
  const verdict =
    Math.abs(step.change) < NOISE
      ? 'no difference'
      : step.change <= -VERDICT_FROM
        ? 'faster'
        : step.change >= VERDICT_FROM
          ? 'slower'
          : 'no difference';
  const times = step.before / step.after;
  return {
    verdict,
    summary: `median step ${(step.before / 1000).toFixed(1)} ms → ${(step.after / 1000).toFixed(1)} ms: ${times.toFixed(2)}× (mean ${(changes[1].before / changes[1].after).toFixed(2)}×)`,
    changes,
    causes: changed,
    gain: times,
  };
}

/** A cause went if it takes less than half of the share that it took. */
const WENT_BELOW = 0.5;

function causeChanges(
  before: { path: string; trace: Trace },
  after: { path: string; trace: Trace },
): readonly CauseChange[] {
  const [was, is] = [before, after].map(({ path, trace }) =>
    largestByCause(diagnose([{ kind: 'trace', path, trace }])),
  );
  const order = { went: 0, stays: 1, came: 2 } as const;
  return causes
    .flatMap((cause): readonly CauseChange[] => {
      const [one, other] = [was?.get(cause), is?.get(cause)];
      if (one === undefined && other === undefined) return [];
      const shares = { before: one?.shareOfStep ?? 0, after: other?.shareOfStep ?? 0 };
      const change = one === undefined ? 'came' : shares.after < WENT_BELOW * shares.before ? 'went' : 'stays';
      return [{ cause, change, ...shares, ceiling: (change === 'went' ? one : other)?.ceiling ?? null }];
    })
    .sort((a, b) => order[a.change] - order[b.change] || b.before - a.before || b.after - a.after);
}

/** The finding of each cause that takes the largest share of its step. */
function largestByCause({ findings }: Diagnosis): ReadonlyMap<Cause, Finding> {
  const largest = new Map<Cause, Finding>();
  for (const finding of findings) {
    const known = largest.get(finding.cause);
    if (known === undefined || (finding.shareOfStep ?? 0) > (known.shareOfStep ?? 0))
      largest.set(finding.cause, finding);
  }
  return largest;
}

/** The kinds of GPUs of a trace; if a driver leaves the name empty, by other properties. */
function hardwareOf({ devices }: Trace): string {
  const kinds = devices.map(({ name, numSms, memoryBytes }) =>
    name === '' ? `an unnamed GPU of ${numSms} SMs and ${Math.round(memoryBytes / 2 ** 30)} GiB` : name,
  );
  return [...new Set(kinds)].sort(compareText).join(', ');
}

function noClaim(changes: readonly Change[]): Pick<Comparison, 'verdict' | 'summary' | 'changes'> {
  const kernel = changes.find(({ what }) => what === 'kernel time');
  return {
    verdict: 'no claim',
    summary: `no step is marked: the spans of the recordings say nothing about speed; kernel time changed by ${percent(kernel?.change ?? 0)} %`,
    changes,
  };
}

function changesOf(first: readonly TraceFacts[], second: readonly TraceFacts[]): readonly Change[] {
  const change = (what: string, measure: (facts: readonly TraceFacts[]) => number): Change => {
    const before = measure(first);
    const after = measure(second);
    return { what, before, after, change: before === 0 ? 0 : (after - before) / before };
  };
  const total = (pick: (facts: TraceFacts) => number) => (all: readonly TraceFacts[]) =>
    all.reduce((sum, facts) => sum + pick(facts), 0);
  // A step of several GPUs lasts as long as its slowest.
  const longest = (pick: (facts: TraceFacts) => number) => (all: readonly TraceFacts[]) => Math.max(...all.map(pick));
  return [
    change(
      'median step',
      longest(({ stepUs }) => stepUs),
    ),
    change(
      'mean step',
      longest(({ windows }) => windows.reduce((sum, { start, end }) => sum + end - start, 0) / windows.length),
    ),
    change('kernel time', total(kernelTime)),
    change(
      'exposed communication',
      total(({ sum, steady }) => sum.exposedCommunicationUs / steady.length),
    ),
    change(
      'exposed copies',
      total(({ sum, steady }) => sum.exposedCopyUs / steady.length),
    ),
    change(
      'idle',
      total(({ sum, steady }) => sum.idleUs / steady.length),
    ),
  ];
}

function kernelTime(facts: TraceFacts): number {
  const { gpu } = facts.trace;
  const us = steadyRows(facts).reduce((sum, row) => (gpu.kind[row] === gpuKinds.kernel ? sum + gpu.dur[row] : sum), 0);
  return us / facts.steady.length;
}
