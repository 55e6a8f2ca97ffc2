import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastDue, parseCron } from '../../src/schedule/cron.ts';

const MINUTE = 60_000;

test.each([
  ['0 3 * * *', '2026-03-01T02:59:59.999Z', '2026-02-28T03:00:00.000Z'],
  ['0 3 * * *', '2026-03-01T03:00:00.000Z', '2026-03-01T03:00:00.000Z'],
  ['*/15 * * * *', '2026-03-01T00:14:00.000Z', '2026-03-01T00:00:00.000Z'],
  ['30 0 1 1 *', '2026-03-01T00:00:00.000Z', '2026-01-01T00:30:00.000Z'],
  ['0 0 29 2 *', '2026-03-01T00:00:00.000Z', '2024-02-29T00:00:00.000Z'],
  ['0 12 * * 7', '2026-03-03T00:00:00.000Z', '2026-03-01T12:00:00.000Z'],
  ['0 12 * * 1-5', '2026-03-01T13:00:00.000Z', '2026-02-27T12:00:00.000Z'],
  ['0 0 13 * 5', '2026-03-08T00:00:00.000Z', '2026-03-06T00:00:00.000Z'],
  ['5,10 1-2 * * *', '2026-03-01T01:07:00.000Z', '2026-03-01T01:05:00.000Z'],
  ['59 23 31 12 *', '1969-12-31T23:58:00.000Z', '1968-12-31T23:59:00.000Z'],
])('the schedule "%s" came up last before %s at %s', (schedule, at, last) => {
  const due = lastDue(parseCron(schedule, 'v'), Date.parse(at));
  expect(due === null ? null : new Date(due).toISOString()).toBe(last);
});

test('a schedule that never comes up has no last instant', () => {
  expect(lastDue(parseCron('0 0 30 2 *', 'v'), 0)).toBeNull();
});

test.each([
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * 32 * *',
  '* * * 13 *',
  '* * * * 8',
  '5-1 * * * *',
  '*/0 * * * *',
  '1, * * * *',
  '-1 * * * *',
  'a * * * *',
  '1.5 * * * *',
  '@daily',
])('the schedule "%s" is refused', (schedule) => {
  expect(() => parseCron(schedule, 'v')).toThrowError(expect.objectContaining({ code: 'SCHEDULE_TEXT' }));
});

/** A field as text and as a predicate, made side by side. */
function field(least: number, most: number) {
  const value = fc.integer({ min: least, max: most });
  const one = value.map((n) => ({ text: `${n}`, has: (x: number) => x === n }));
  const range = fc.tuple(value, value, fc.integer({ min: 1, max: 7 })).map(([a, b, step]) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    return { text: `${from}-${to}/${step}`, has: (x: number) => x >= from && x <= to && (x - from) % step === 0 };
  });
  const any = fc.constant({ text: '*', has: () => true });
  const several = fc.array(fc.oneof(one, range), { minLength: 1, maxLength: 3 }).map((parts) => ({
    text: parts.map(({ text }) => text).join(','),
    has: (x: number) => parts.some((part) => part.has(x)),
  }));
  return fc.oneof(any, several);
}

test('the last instant is what a scan of minutes finds', () => {
  fc.assert(
    fc.property(
      field(0, 59),
      field(0, 23),
      field(1, 31),
      field(1, 12),
      field(0, 6),
      fc.integer({ min: -10_000_000_000_000, max: 10_000_000_000_000 }),
      (minute, hour, day, month, weekday, at) => {
        const cron = parseCron([minute, hour, day, month, weekday].map(({ text }) => text).join(' '), 'v');
        const due = lastDue(cron, at);
        const matches = (t: number): boolean => {
          const date = new Date(t);
          const ofMonth = day.has(date.getUTCDate());
          const ofWeek = weekday.has(date.getUTCDay());
          const either = day.text !== '*' && weekday.text !== '*';
          return (
            minute.has(date.getUTCMinutes()) &&
            hour.has(date.getUTCHours()) &&
            month.has(date.getUTCMonth() + 1) &&
            (either ? ofMonth || ofWeek : ofMonth && ofWeek)
          );
        };
        let t = Math.floor(at / MINUTE) * MINUTE;
        const stop = t - 3_000 * MINUTE;
        while (t > stop && !matches(t)) t -= MINUTE;
        if (matches(t)) expect(due).toBe(t);
        else expect(due ?? -Infinity).toBeLessThanOrEqual(stop);
        if (due !== null) expect(matches(due)).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});
