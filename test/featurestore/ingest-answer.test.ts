import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createClient } from '../../src/client/create-client.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { TopicIntake } from '../../src/featurestore/ingest/topic-intake.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { wrongUnit } from '../../src/schema/instant.ts';
import { eventAnswer } from '../../src/server/event-answer.ts';
import { startServer } from '../../src/server/http-server.ts';
import { acceptedDeliveries } from '../../src/testing/oracle/naive-scan.ts';
import { MemoryTopic } from '../memory/source-topic.ts';
import { until } from '../services/until.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const START = Date.UTC(2026, 0, 1);

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '10m',
  futureSkew: '1m',
  columns: { id: text(), at: time(), user: text() },
});
const view = streamView('view', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  freshness: '1s',
  windows: ['ever'],
  features: () => ({ n: count() }),
});
const service = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ view: lookup(view, { user: r.user }) }),
});
const project = defineProject('site', { clicks, service });

/** The time of the events, which every test moves by itself. */
let now = START;

async function site(): Promise<Headrace> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-answer-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  now = START;
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 3 }, clock: () => now });
  onTestFinished(() => headrace.close());
  return headrace;
}

interface Sent {
  readonly id: string;
  readonly at: number;
  readonly user: string;
}

interface Tally {
  readonly accepted: number;
  readonly duplicate: number;
  readonly late: number;
  readonly pending: number;
  readonly refused: number;
}

interface Case {
  readonly id: number;
  readonly delay: number;
  readonly unit: 'milliseconds' | 'seconds' | 'microseconds';
  readonly malformed: boolean;
  readonly step: number;
}

const anyCase: fc.Arbitrary<Case> = fc.record({
  id: fc.nat({ max: 7 }),
  delay: fc.oneof(
    fc.constantFrom(-MINUTE - 1, -MINUTE, 0, 10 * MINUTE, 10 * MINUTE + 1),
    fc.integer({ min: -2 * MINUTE, max: 14 * MINUTE }),
  ),
  unit: fc.oneof(
    { weight: 6, arbitrary: fc.constant('milliseconds' as const) },
    { weight: 1, arbitrary: fc.constantFrom('seconds' as const, 'microseconds' as const) },
  ),
  malformed: fc.nat({ max: 7 }).map((one) => one === 0),
  step: fc.constantFrom(0, 0, 1, MINUTE, 5 * MINUTE),
});

const SCALE = { milliseconds: 1, seconds: 1e-3, microseconds: 1e3 } as const;

/** Calls of a few events each, at rising times. */
const anyCalls = fc.array(fc.array(anyCase, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 });

/** What every call must say, by the naive rule over everything that is in the log. */
class Expected {
  readonly #logged: { id: string; ts: number; ingestTs: number; row: readonly string[] }[] = [];

  /** Takes the events of a call, in the order sent, and gives its tally. */
  take(events: readonly Sent[], well: readonly boolean[]): Tally {
    const tally = { accepted: 0, duplicate: 0, late: 0, pending: 0, refused: 0 };
    events.forEach(({ id, at, user }, i) => {
      if (!well[i] || at - now > MINUTE) {
        tally.refused += 1;
        return;
      }
      const known = this.accepted().some((one) => one.id === id);
      const isLate = now - at > 10 * MINUTE;
      this.#logged.push({ id, ts: at, ingestTs: now, row: [user] });
      tally[known ? 'duplicate' : isLate ? 'late' : 'accepted'] += 1;
    });
    return tally;
  }

  accepted() {
    return acceptedDeliveries(view, this.#logged);
  }
}

/** Sends calls of events one after the other; `from` keeps ids of different runs apart. */
async function play(
  calls: readonly (readonly Case[])[],
  from: string,
  send: (events: readonly Sent[]) => Promise<Tally>,
) {
  const expected = new Expected();
  for (const call of calls) {
    now += Math.max(...call.map(({ step }) => step));
    const events = call.map(({ id, delay, unit }) => ({
      id: `${from}-${id}`,
      at: Math.round((now - delay) * SCALE[unit]),
      user: from,
    }));
    const well = call.map(({ unit, malformed }) => unit === 'milliseconds' && !malformed);
    const sent = events.map((event, i) => (call[i].malformed ? { ...event, colour: 'red' } : event));
    expect(tallyOf(await send(sent))).toEqual(expected.take(events, well));
  }
  return expected.accepted().length;
}

const tallyOf = ({ accepted, duplicate, late, pending, refused }: Tally): Tally => ({
  accepted,
  duplicate,
  late,
  pending,
  refused,
});

const RUNS = { numRuns: 25 };

/** Holds a way in against the naive rule, and what is served against the events that the answers called accepted. */
async function holdsFor(headrace: Headrace, name: string, send: (events: readonly Sent[]) => Promise<Tally>) {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(anyCalls, async (calls) => {
      run += 1;
      now += DAY;
      const user = `${name}${run}`;
      const accepted = await play(calls, user, send);
      const { features } = await headrace.vector(service, { user }, now + DAY);
      expect(features.view_n ?? 0).toBe(accepted);
    }),
    RUNS,
  );
}

test('an answer in process counts each event as the naive rule does', async () => {
  const headrace = await site();
  await holdsFor(headrace, 'p', async (events) => {
    const report = await headrace.ingest(clicks, events);
    return { ...report, refused: report.refused.length };
  });
});

test('an answer over HTTP and by the client counts each event as the naive rule does', async () => {
  const headrace = await site();
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  onTestFinished(() => server.close());
  await holdsFor(headrace, 'h', async (events) => {
    const lines = events.map((event) => JSON.stringify(event)).join('\n');
    const headers = { 'content-type': 'application/x-ndjson' };
    return (await (
      await fetch(`${server.url}/v1/events/clicks`, { method: 'POST', headers, body: lines })
    ).json()) as Tally;
  });
  const client = createClient<typeof project>({ url: server.url });
  await holdsFor(headrace, 'c', (events) => client.ingest('clicks', events));
});

test('a topic counts what it took as the naive rule does', async () => {
  const headrace = await site();
  const topic = new MemoryTopic('others.clicks', 1);
  const intake = new TopicIntake({
    source: clicks,
    topic: topic.join(),
    take: (source, events, placeOf) => insideOf(headrace).features.take(source, events, placeOf),
    refuse: (...refused) => insideOf(headrace).features.refuse(...refused),
    onFault: () => undefined,
  });
  onTestFinished(() => intake.stop());
  const seen = () => {
    const { taken, duplicate, late, refused } = intake.report();
    return { accepted: taken - duplicate - late, duplicate, late, pending: 0, refused };
  };
  let records = 0;
  await holdsFor(headrace, 't', async (events) => {
    const before = seen();
    for (const event of events) topic.write(0, null, new TextEncoder().encode(JSON.stringify(event)));
    records += events.length;
    await until(async () => intake.report().taken + intake.report().refused === records);
    const after = seen();
    const names = ['accepted', 'duplicate', 'late', 'pending', 'refused'] as const;
    return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as Tally;
  });
});

test('an answer names the first events that do not count, by index, id and reason', async () => {
  const headrace = await site();
  const sent = [
    { id: 'a', at: now, user: 'ann' },
    { id: 'old', at: now - DAY, user: 'ann' },
    { id: 'a', at: now, user: 'ann' },
    { id: 'seconds', at: Math.round(now / 1_000), user: 'ann' },
    { id: 'micros', at: now * 1_000, user: 'ann' },
    { id: 'odd', at: 'noon', user: 'ann' },
    7,
    { id: 'nanos', at: now * 1_000_000, user: 'ann' },
  ];
  const { status, text: answer } = await eventAnswer(headrace, clicks, JSON.stringify(sent), false, null);
  expect([status, JSON.parse(answer)]).toMatchObject([
    200,
    {
      ...{ accepted: 1, duplicate: 1, late: 1, pending: 0, refused: 5 },
      dropped: [
        { index: 1, id: 'old', reason: 'late' },
        { index: 2, id: 'a', reason: 'duplicate' },
      ],
      errors: [
        { index: 3, id: 'seconds', code: 'EVENT_TIME_UNIT', message: expect.stringContaining('seconds') },
        { index: 4, id: 'micros', code: 'EVENT_TIME_UNIT', message: expect.stringContaining('microseconds') },
        { index: 5, id: 'odd', code: 'EVENT_TIME' },
        { index: 6, code: 'EVENT_SHAPE' },
        { index: 7, id: 'nanos', code: 'EVENT_TIME_UNIT', message: expect.stringContaining('nanoseconds') },
      ],
    },
  ]);
  // The corrected events count under the same ids.
  const again = ['old', 'seconds', 'micros', 'odd'].map((id) => ({ id, at: now, user: 'ann' }));
  expect(await headrace.ingest(clicks, again)).toMatchObject({ accepted: 4, refused: [] });
});

test('a corrected delivery counts after a restart too, and a redelivery does not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-answer-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  now = START;
  const open = () => openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => now });
  const first = await open();
  await first.ingest(clicks, [
    { id: 'a', at: now - DAY, user: 'ann' },
    { id: 'b', at: now, user: 'ann' },
  ]);
  await first.close();
  const second = await open();
  onTestFinished(() => second.close());
  const again = ['a', 'b'].map((id) => ({ id, at: now, user: 'ann' }));
  expect(await second.ingest(clicks, again)).toMatchObject({ accepted: 1, duplicate: 1, late: 0 });
});

test('a unit is wrong only for a time that does not count as milliseconds', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.integer({ min: -8.64e15, max: 8.64e15 }),
        fc.integer({ min: 9e8, max: 5e9 }),
        fc.integer({ min: 9e14, max: 8.64e15 }),
      ),
      fc.integer({ min: 0, max: 4e12 }),
      fc.constantFrom(0, MINUTE, DAY, 30_000 * DAY),
      fc.constantFrom(0, MINUTE, DAY),
      (ts, clock, latenessMs, futureSkewMs) => {
        const unit = wrongUnit(ts, clock, { from: clock - latenessMs, to: clock + futureSkewMs });
        if (clock - ts <= latenessMs && ts - clock <= futureSkewMs) expect(unit).toBeNull();
        if (unit === 'seconds') expect(ts).toBeLessThan(clock);
        if (unit === 'microseconds' || unit === 'nanoseconds') expect(ts).toBeGreaterThan(clock);
      },
    ),
    { numRuns: 2_000 },
  );
  const [now, rule] = [Date.UTC(2026, 0, 1), { from: Date.UTC(2025, 11, 31), to: Date.UTC(2026, 0, 1) + MINUTE }];
  for (let year = 2002; year <= 2030; year += 1) {
    const at = Date.UTC(year, 5, 1);
    expect(wrongUnit(at / 1_000, now, rule), `${year}`).toBe('seconds');
    expect(wrongUnit(at * 1_000, now, rule), `${year}`).toBe('microseconds');
    expect(wrongUnit(at * 1_000_000, now, rule), `${year}`).toBe('nanoseconds');
    expect(wrongUnit(at, now, rule), `${year}`).toBeNull();
  }
});

test('others have their turns while a body of many refused events is taken, and it shows only the first', async () => {
  const headrace = await site();
  const events = Array.from({ length: 20_000 }, () => 1);
  let turns = 0;
  let done = false;
  const answered = eventAnswer(headrace, clicks, JSON.stringify(events), false, null).finally(() => {
    done = true;
  });
  while (!done) {
    await setImmediate();
    turns += 1;
  }
  expect(turns).toBeGreaterThanOrEqual(20);
  const { status, text: answer } = await answered;
  const { refused, errors } = JSON.parse(answer) as { refused: number; errors: readonly { index: number }[] };
  expect([status, refused, errors.map(({ index }) => index)]).toEqual([400, 20_000, [...new Array(100).keys()]]);
  expect(headrace.counters(clicks).gateway).toMatchObject({ sent: 20_000, refused: 20_000 });
});

test('events that are not those of their source do not compile, and are refused where the source is looked up by name', async () => {
  const headrace = await site();
  const right = { id: 'a', at: now, user: 'ann' };
  // @ts-expect-error a text is no time
  const first = await headrace.ingest(clicks, [{ ...right, at: 'noon' }]);
  // @ts-expect-error the source has no such column
  const second = await headrace.ingest(clicks, [{ ...right, colour: 'red' }]);
  // @ts-expect-error a column is missing
  const third = await headrace.ingest(clicks, [{ id: 'a', at: now }]);
  const byName = await headrace.ingest(headrace.source('clicks'), [{ ...right, at: 'noon' }]);
  const codes = [first, second, third, byName].map(({ refused }) => refused[0]?.error.code);
  expect(codes).toEqual(['EVENT_TIME', 'EVENT_UNKNOWN_COLUMN', 'EVENT_MISSING', 'EVENT_TIME']);
  expect(await headrace.ingest(clicks, [right])).toMatchObject({ accepted: 1 });
});
