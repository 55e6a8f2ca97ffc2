import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type ClockSources, GuardedClock, type KnownTime } from '../base/guarded-clock.ts';
import type { Clock } from '../base/time.ts';
import { replaceFile } from '../files/replace-file.ts';

/** The file of the last known time, in the directory of an environment. */
export const CLOCK_FILE = 'clock.json';
/** The file of the time that a person has accepted. */
const ACCEPTED_CLOCK_FILE = 'clock-accepted.json';

/** The last known time is written this often, ms. */
const KEPT_EVERY_MS = 60_000;

/*
 * clock.json, written by the process that writes the environment; clock-accepted.json, written by a command. Both can be lost without harm:
 *
 *   { "format": 1, "wall": 1764547200000, "sinceBoot": 86400000, "boot": "0f9c…" }
 */
const fileSchema = z.strictObject({
  format: z.literal(1),
  wall: z.number(),
  sinceBoot: z.number().nullable(),
  boot: z.string().nullable(),
});

/** How a process uses the clock of an environment. */
export interface EnvironmentClockOptions {
  /** Whether the process keeps the last known time: the one that writes the environment. */
  readonly keeps: boolean;
  /** Left out: the clocks of this machine. */
  readonly clocks?: ClockSources;
}

/** The clock of the system, checked against the last time that the processes of an environment knew. */
export function environmentClock(
  directory: string,
  { keeps, clocks = machineClocks() }: EnvironmentClockOptions,
): Clock {
  const guarded = new GuardedClock(clocks, readKnownTime(join(directory, CLOCK_FILE)));
  const path = join(directory, CLOCK_FILE);
  let keptAt = Number.NEGATIVE_INFINITY;
  const keep = () => {
    if (!keeps) return;
    keptAt = clocks.monotonic();
    try {
      replaceFile(path, knownTimeText(guarded.known()));
    } catch {
      // A disk that is full is reported by the log. Without the file the next process checks its clock from then on.
    }
  };
  const followAccepted = () => {
    if (guarded.report().aheadMs === 0) return false;
    const accepted = readKnownTime(join(directory, ACCEPTED_CLOCK_FILE));
    return accepted !== null && guarded.accept(accepted);
  };
  const tick = () => {
    if (followAccepted() || clocks.monotonic() - keptAt >= KEPT_EVERY_MS) keep();
  };
  followAccepted();
  const guard = { span: () => guarded.span(), report: () => guarded.report(), tick, keep };
  return Object.assign(() => guarded.now(), { guard });
}

/** Notes that the present time of the system is right; processes of the environment follow it within seconds. */
export function acceptClock(directory: string, clocks: ClockSources = machineClocks()): KnownTime {
  const accepted = { wall: clocks.wall(), sinceBoot: clocks.sinceBoot(), boot: clocks.boot };
  replaceFile(join(directory, ACCEPTED_CLOCK_FILE), knownTimeText(accepted));
  return accepted;
}

function knownTimeText({ wall, sinceBoot, boot }: KnownTime): string {
  return `${JSON.stringify({ format: 1, wall: Math.round(wall), sinceBoot, boot })}\n`;
}

/** A file that is missing, or that cannot be read, says nothing: the clock is then checked from now on. */
function readKnownTime(path: string): KnownTime | null {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** The clocks of this machine. The time since boot counts sleep, which the monotonic clock of Linux does not. */
function machineClocks(): ClockSources {
  return { wall: () => Date.now(), monotonic: () => performance.now(), sinceBoot: sinceBootMs, boot: bootName() };
}

function sinceBootMs(): number | null {
  try {
    return uptime() * 1_000;
  } catch {
    return null;
  }
}

function bootName(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
