import { clockFault } from '../base/clock-fault.ts';
import { fail, type HeadraceError } from '../base/errors/fail.ts';
import { FOLLOWED_STEP_MS } from '../base/guarded-clock.ts';
import type { Clock } from '../base/time.ts';
import type { Part } from '../ports/part.ts';
import { openPart, type PartKind } from './part-kind.ts';

/** The clock of a process, and what its log says about time. */
export interface ClockSource {
  readonly clock: Clock;
  /** By source, the largest known ingest time of its log; empty in a process without a log. */
  readonly ingested: () => readonly (readonly [source: string, largestTs: number])[];
}

/** The clock of the system as the process that answers sees it. */
export interface ClockState {
  /** Ahead of the expected time, ms; below 0 it is behind; 0 while nothing contradicts it. */
  readonly aheadMs: number;
  /** Jumps since the process started. */
  readonly jumps: number;
}

export interface ClockStatus {
  readonly clock: ClockState;
}

const NO_JUMPS = { aheadMs: 0, jumps: 0 };

/** The clock: jumps, and how far it is from the expected time. */
export const clockPart: PartKind<ClockSource, ClockStatus> = {
  name: 'clock',
  figures: [
    {
      name: 'headrace_clock_ahead_seconds',
      type: 'gauge',
      unit: 's',
      labels: [],
      help: 'The time of the system minus the expected time; below 0 it is behind, and 0 while nothing contradicts it',
      alerts: [
        {
          name: 'HeadraceClockWrong',
          expr: 'headrace_clock_ahead_seconds != 0',
          for: '1m',
          severity: 'page',
          summary:
            'The clock of the system differs by {{ $value | humanizeDuration }} from the expected time. Correct it, or accept it by headrace log repair-clock --accept.',
        },
      ],
      read: (of) => [[{}, stateOf(of).aheadMs / 1_000]],
    },
    {
      name: 'headrace_clock_jumps_total',
      type: 'counter',
      unit: 'jumps',
      labels: [],
      help: 'Times when the clock of the system was set by more than a minute',
      read: (of) => [[{}, stateOf(of).jumps]],
    },
    {
      name: 'headrace_log_ahead_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['source'],
      help: 'The largest ingest time of the log of a source minus now; 0 where it is not ahead',
      read: ({ ingested }, now) =>
        ingested().map(([source, largestTs]) => [{ source }, Math.max(0, largestTs - now) / 1_000]),
    },
  ],
  health: (of, now) => [...clockHealth(of), ...logHealth(of, now)],
  status: (of) => ({ clock: stateOf(of) }),
  merge: (shares) => ({
    clock: shares
      .map(({ clock }) => clock)
      .reduce((one, other) => ({
        aheadMs: Math.abs(other.aheadMs) > Math.abs(one.aheadMs) ? other.aheadMs : one.aheadMs,
        jumps: one.jumps + other.jumps,
      })),
  }),
  lines: ({ clock: { aheadMs, jumps } }) =>
    jumps === 0 ? [] : ['clock', `  ${jumps} jumps since the start; ahead of the expected time by ${aheadMs} ms`],
};

/** Opens the part of a process: it looks whether a wrong clock was accepted, and keeps the last known time. */
export function openClockPart(of: ClockSource): Part {
  const { guard } = of.clock;
  return openPart(clockPart, of, { tick: async () => guard?.tick(), close: async () => guard?.keep() });
}

function stateOf({ clock }: ClockSource): ClockState {
  const { aheadMs, jumps } = clock.guard?.report() ?? NO_JUMPS;
  return { aheadMs: Math.round(aheadMs), jumps };
}

function clockHealth({ clock }: ClockSource): readonly string[] {
  const fault = clockFault(clock);
  return fault === null ? [] : [said(fault)];
}

function logHealth({ ingested }: ClockSource, now: number): readonly string[] {
  return ingested()
    .filter(([, largestTs]) => largestTs - now > FOLLOWED_STEP_MS)
    .map(([source, largestTs]) => said(fail('CLOCK_LOG_AHEAD', { source, aheadMs: Math.round(largestTs - now) })));
}

function said({ code, message, hint }: HeadraceError): string {
  return `${code}: ${message}; ${hint}`;
}
