import { fail } from '../base/errors/fail.ts';

/** A five-field cron schedule in UTC: minute, hour, day of month, month, day of week (0 and 7 are Sunday). */
export interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** As in cron(8): where both day fields are restricted, either is enough. */
  readonly eitherDay: boolean;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Five years and two leap days: whatever matches at all matches within it. */
const MOST_DAYS = 5 * 366;

/** Parses `*`, numbers, ranges, lists and steps. Error: SCHEDULE_TEXT. */
export function parseCron(text: string, view: string): Cron {
  const [minute, hour, day, month, weekday, ...rest] = text.trim().split(/\s+/);
  if (weekday === undefined || rest.length > 0) throw fail('SCHEDULE_TEXT', { view, schedule: text });
  const field = (part: string, least: number, most: number) => parseField(part, least, most) ?? refuse(view, text);
  const weekdays = new Set([...field(weekday, 0, 7)].map((value) => value % 7));
  return {
    minutes: field(minute, 0, 59),
    hours: field(hour, 0, 23),
    days: field(day, 1, 31),
    months: field(month, 1, 12),
    weekdays,
    eitherDay: !day.startsWith('*') && !weekday.startsWith('*'),
  };
}

/** The latest instant of the schedule at or before `at`; null where there is none (30 February). */
export function lastDue(cron: Cron, at: number): number | null {
  const today = Math.floor(at / DAY_MS) * DAY_MS;
  for (let back = 0; back < MOST_DAYS; back += 1) {
    const day = today - back * DAY_MS;
    if (!matchesDay(cron, new Date(day))) continue;
    const time = lastTime(cron, back === 0 ? at - day : DAY_MS - 1);
    if (time !== null) return day + time;
  }
  return null;
}

function lastTime({ hours, minutes }: Cron, within: number): number | null {
  for (let hour = 23; hour >= 0; hour -= 1) {
    if (!hours.has(hour)) continue;
    for (let minute = 59; minute >= 0; minute -= 1) {
      const time = hour * HOUR_MS + minute * MINUTE_MS;
      if (minutes.has(minute) && time <= within) return time;
    }
  }
  return null;
}

function matchesDay({ days, months, weekdays, eitherDay }: Cron, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const ofMonth = days.has(date.getUTCDate());
  const ofWeek = weekdays.has(date.getUTCDay());
  return eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek;
}

function parseField(text: string, least: number, most: number): ReadonlySet<number> | null {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
    if (match === null) return null;
    const [, first, last, step = '1'] = match;
    const from = first === undefined ? least : Number(first);
    const to = last === undefined ? (first === undefined || match[3] !== undefined ? most : from) : Number(last);
    if (from < least || to > most || from > to || Number(step) < 1) return null;
    for (let value = from; value <= to; value += Number(step)) values.add(value);
  }
  return values;
}

function refuse(view: string, schedule: string): never {
  throw fail('SCHEDULE_TEXT', { view, schedule });
}
