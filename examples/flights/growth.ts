import type { RunCheck } from './checks.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A day of the replay: the least heap seen in it is about what was alive. */
interface Day {
  readonly day: number;
  heapMb: number;
  rssMb: number;
  events: number;
  cpuMs: number;
}

/** Days that show a slope: a few at each end that no start and no job fills. */
const LEAST_DAYS = 9;

/** Compares the first third of the live days with the last: a replay must not become larger or slower with its age. */
export function growth(from: number) {
  const days: Day[] = [];
  let before = { events: 0, cpuMs: cpuMs() };
  let hour = Number.NaN;
  return {
    /** Looks once an hour of the replay. */
    at: (now: number, events: number): void => {
      const current = Math.floor(now / HOUR_MS);
      if (now < from || current === hour) return;
      hour = current;
      const { heapUsed, rss } = process.memoryUsage();
      const cpu = cpuMs();
      const day = dayOf(days, Math.floor(now / DAY_MS));
      day.heapMb = Math.min(day.heapMb, heapUsed / 2 ** 20);
      day.rssMb = Math.max(day.rssMb, rss / 2 ** 20);
      day.events += events - before.events;
      day.cpuMs += cpu - before.cpuMs;
      before = { events, cpuMs: cpu };
    },
    /** Null: too few days to tell. */
    check: (): RunCheck | null => {
      // The first and the last day are not whole.
      const whole = days.slice(1, -1);
      if (whole.length < LEAST_DAYS) return null;
      const third = Math.floor(whole.length / 3);
      const first = middleOf(whole.slice(0, third));
      const last = middleOf(whole.slice(-third));
      return {
        name: 'memory and work for an event do not grow with the run',
        passed:
          last.heapMb <= 1.3 * first.heapMb + 16 &&
          last.rssMb <= 1.3 * first.rssMb + 64 &&
          last.microsOfEvent <= 1.4 * first.microsOfEvent,
        found: `heap ${Math.round(first.heapMb)} → ${Math.round(last.heapMb)} MiB, RSS ${Math.round(first.rssMb)} → ${Math.round(last.rssMb)} MiB, CPU ${Math.round(first.microsOfEvent)} → ${Math.round(last.microsOfEvent)} µs an event`,
      };
    },
  };
}

function dayOf(days: Day[], day: number): Day {
  const last = days.at(-1);
  if (last?.day === day) return last;
  const begun = { day, heapMb: Number.POSITIVE_INFINITY, rssMb: 0, events: 0, cpuMs: 0 };
  days.push(begun);
  return begun;
}

/** The medians: a day with a training or an audit is no trend. */
function middleOf(days: readonly Day[]) {
  return {
    heapMb: median(days.map(({ heapMb }) => heapMb)),
    rssMb: median(days.map(({ rssMb }) => rssMb)),
    microsOfEvent: median(days.map(({ cpuMs: ms, events }) => (1_000 * ms) / Math.max(1, events))),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
