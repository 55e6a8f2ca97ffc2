import type { JournalEntry } from './journal.ts';

/** One attempt, as it was paid for. */
export interface LedgerRow {
  readonly attempt: number;
  /** Epoch ms. */
  readonly startedAt: number;
  /** By the clock of the instances. */
  readonly seconds: number;
  readonly cost: number;
  /** Step that it began from, and that it reached. */
  readonly fromStep: number;
  readonly toStep: number;
  /** Steps that the next attempt has to repeat. */
  readonly lostSteps: number;
  readonly outcome: string;
  /** Name of its instances. */
  readonly placement: string;
}

const ends = ['ended', 'abandoned', 'notProvisioned'];

export interface Ledger {
  readonly attempts: readonly LedgerRow[];
  readonly cost: number;
  readonly seconds: number;
  readonly lostSteps: number;
  readonly preemptions: number;
  /** Paid steps for a step that counts: 1 without any loss; null before the first step. */
  readonly overhead: number | null;
}

/**
 * The ledger of a run, from its journal alone. `now`: epoch ms, the end of an open attempt; `speed`: seconds of the instances' clock
 * in a second of this machine; `openSeconds`: those that the open attempt held instances, where its back end counts them.
 */
export function ledgerOf(
  entries: readonly JournalEntry[],
  {
    now,
    speed,
    openSeconds,
  }: { readonly now: number; readonly speed: number; readonly openSeconds?: number | undefined },
): Ledger {
  const attempts = entries
    .filter(({ event }) => event === 'submitted')
    .map(({ attempt, wall, data }): LedgerRow => {
      const end = entries.find((entry) => ends.includes(entry.event) && entry.attempt === attempt);
      const next = entries.find((entry) => entry.event === 'submitted' && entry.attempt > attempt);
      const last = entries.findLast((entry) => entry.attempt === attempt);
      const outcome = end === undefined ? 'running' : String(end.data['class'] ?? end.event);
      // The end of an attempt that lost its controller is noted later than it was.
      const endedAt = Number(end?.data['endedAt'] ?? end?.wall ?? now);
      // A gang that could not start was not paid for.
      const counted = end === undefined ? openSeconds : end.data['seconds'];
      const held = Number(counted ?? (Math.max(0, endedAt - wall) / 1000) * speed);
      const seconds = outcome === 'notProvisioned' ? 0 : held;
      const fromStep = Number(data['step'] ?? 0);
      const toStep = Math.max(fromStep, Number(end?.data['step'] ?? last?.data['step'] ?? fromStep));
      const resumed = next === undefined ? toStep : Number(next.data['step'] ?? 0);
      return {
        attempt,
        startedAt: wall,
        seconds,
        cost: (seconds / 3600) * Number(data['pricePerHour'] ?? 0),
        placement: String(data['name'] ?? ''),
        fromStep,
        toStep,
        lostSteps: Math.max(0, toStep - resumed),
        outcome,
      };
    });
  const sum = (value: (row: LedgerRow) => number) => attempts.reduce((total, row) => total + value(row), 0);
  const done = Math.max(0, ...attempts.map(({ toStep }) => toStep));
  return {
    attempts,
    cost: sum(({ cost }) => cost),
    seconds: sum(({ seconds }) => seconds),
    lostSteps: sum(({ lostSteps }) => lostSteps),
    preemptions: attempts.filter(({ outcome }) => outcome === 'preempted').length,
    overhead: done === 0 ? null : sum(({ fromStep, toStep }) => toStep - fromStep) / done,
  };
}
