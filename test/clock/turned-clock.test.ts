import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../src/base/time.ts';
import { environmentClock } from '../../src/environment/environment-clock.ts';
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
import type { IngestReport } from '../../src/featurestore/ingest/ingest-report.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { clockAheadOf, repairClockOf } from '../../src/running/repair-clock.ts';
import { runs } from '../runs.ts';
import { Machine } from './machine.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
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
  windows: ['1h', 'ever'],
  features: () => ({ n: count() }),
});
const service = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ view: lookup(view, { user: r.user }) }),
});
const project = defineProject('site', { clicks, service });

/** How a process reads the time: by the checked clock of its environment, or by whatever a caller passes in. */
type ClockOf = (directory: string, machine: Machine) => Clock;
const checked: ClockOf = (directory, machine) => environmentClock(directory, { keeps: true, clocks: machine.clocks() });
const passedIn: ClockOf = (_, machine) => machine.clocks().wall;

/** A site whose clock is turned, and the events that it was sent. */
class Site {
  readonly machine = new Machine(START);
  readonly directory = mkdtempSync(join(tmpdir(), 'headrace-turned-'));
  readonly sent: { readonly id: string; readonly at: number }[] = [];
  readonly taken = new Set<string>();
  readonly #clockOf: ClockOf;
  #headrace: Headrace | null = null;

  constructor(clockOf: ClockOf) {
    this.#clockOf = clockOf;
    onTestFinished(() => this.close());
  }

  async open(): Promise<Headrace> {
    const clock = this.#clockOf(this.directory, this.machine);
    this.#headrace ??= await openHeadrace({
      project,
      environment: { directory: this.directory, partitions: 2 },
      clock,
    });
    return this.#headrace;
  }

  async stop(): Promise<void> {
    await this.#headrace?.close();
    this.#headrace = null;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Sends new events of now, and some of those before again. `meanwhile` happens while they are under way. */
  async send(fresh: number, again: number, meanwhile: () => void = () => undefined): Promise<IngestReport> {
    const headrace = await this.open();
    const known = this.sent.slice(-again || this.sent.length);
    const events = Array.from({ length: fresh }, (_, i) => {
      return { id: `e${this.sent.length + i}`, at: this.machine.realTs - (i % 3) * MINUTE };
    });
    this.sent.push(...events);
    const batch = [...events, ...known];
    const asked = headrace.ingest(
      clicks,
      batch.map((event) => ({ ...event, user: 'ann' })),
    );
    meanwhile();
    const report = await asked;
    const left = new Set([...report.dropped, ...report.refused].map(({ index }) => index));
    for (const [index, { id }] of batch.entries()) {
      if (left.has(index)) continue;
      expect(this.taken, `${id} was taken twice`).not.toContain(id);
      this.taken.add(id);
    }
    this.machine.run(1_000);
    return report;
  }

  /** Events that the answers count. */
  async counted(): Promise<unknown> {
    const headrace = await this.open();
    const { features } = await headrace.vector(service, { user: 'ann' }, this.machine.realTs + 1);
    return features.view_n;
  }

  async degraded(): Promise<string> {
    return (await this.open()).degraded().join(' ');
  }
}

/** Points of the loop at which a clock is turned. */
const POINTS = [
  'before the first open',
  'between batches',
  'during a batch',
  'at a commit',
  'across a restart',
] as const;

async function turnAt(site: Site, point: (typeof POINTS)[number], aheadMs: number): Promise<void> {
  const turn = () => {
    site.machine.aheadMs = aheadMs;
  };
  if (point === 'during a batch') return void (await site.send(4, 2, turn));
  if (point === 'at a commit') {
    const flushed = (await site.open()).flush();
    turn();
    return flushed;
  }
  if (point === 'across a restart') await site.stop();
  turn();
}

const ALL_TURNS = [2 * HOUR, 30 * DAY, -2 * HOUR].flatMap((aheadMs) => POINTS.map((point) => ({ aheadMs, point })));

/** In the gate every second pair: each turn and each point still comes with two or three of the other. */
const TURNS = ALL_TURNS.filter((_, at) => at % runs(2, 1) === 0);

test.each(TURNS)(
  'after a clock that was turned by $aheadMs ms $point is right again, events on time count, once',
  async (turn) => {
    const site = new Site(passedIn);
    if (turn.point !== 'before the first open') await site.send(6, 0);
    await turnAt(site, turn.point, turn.aheadMs);
    await site.send(6, 6);
    await turnAt(site, turn.point === 'before the first open' ? 'across a restart' : turn.point, 0);
    const { accepted, late } = await site.send(6, 30);
    expect(accepted).toBeGreaterThanOrEqual(6);
    expect(late).toBe(0);
    expect(site.taken.size).toBe(site.sent.length);
    expect(await site.counted()).toBe(site.sent.length);
    await site.stop();
    await site.send(6, 30);
    expect(site.taken.size).toBe(site.sent.length);
    expect(await site.counted()).toBe(site.sent.length);
    expect((await site.degraded()).includes('CLOCK_LOG_AHEAD')).toBe(turn.aheadMs > 0);
  },
);

test.each(TURNS.filter(({ point }) => point !== 'before the first open'))(
  'while a checked clock is turned by $aheadMs ms $point, events on time count, once, and degraded names the clock',
  async ({ point, aheadMs }) => {
    const site = new Site(checked);
    await site.send(6, 0);
    await turnAt(site, point, aheadMs);
    for (const restarts of [false, true]) {
      if (restarts) await site.stop();
      const { accepted, late } = await site.send(6, 12);
      expect({ accepted, late }).toEqual({ accepted: 6, late: 0 });
      expect(await site.degraded()).toContain(aheadMs > 0 ? 'CLOCK_AHEAD' : 'CLOCK_BEHIND');
    }
    await turnAt(site, point, 0);
    const { accepted, late } = await site.send(6, 12);
    expect({ accepted, late }).toEqual({ accepted: 6, late: 0 });
    expect(await site.degraded()).toBe('');
    expect(site.taken.size).toBe(site.sent.length);
    expect(await site.counted()).toBe(site.sent.length);
  },
);

test('whatever turns, restarts and pauses come, a checked clock takes every event that is on time, and none twice', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), ms: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant('turn' as const), ms: fc.constantFrom(0, ...TURNS.map(({ aheadMs }) => aheadMs)) }),
    fc.record({ kind: fc.constant('restart' as const), ms: fc.constantFrom(0, HOUR) }),
    fc.record({ kind: fc.constant('pause' as const), ms: fc.constantFrom(1_000, MINUTE, HOUR, DAY) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const site = new Site(checked);
      await site.send(2, 0);
      for (const { kind, ms } of steps) {
        if (kind === 'turn') site.machine.aheadMs = ms;
        if (kind === 'pause') site.machine.sleep(ms);
        if (kind === 'restart') {
          await site.stop();
          site.machine.run(ms);
        }
        if (kind === 'send') await site.send(ms, 5);
        expect(site.taken.size).toBe(site.sent.length);
      }
      site.machine.aheadMs = 0;
      await site.send(1, 12);
      expect(site.taken.size).toBe(site.sent.length);
      expect(await site.counted()).toBe(site.sent.length);
      await site.close();
    }),
    { numRuns: runs(2, 20) },
  );
});

test.each(['with', 'without'])(
  'a repair takes again what a clock ahead had dropped, once, %s tiles that it had passed over',
  async (which) => {
    const site = new Site(passedIn);
    await site.send(40, 0);
    site.machine.aheadMs = 30 * DAY;
    if (which === 'without') await site.stop();
    const dropped = await site.send(20, 5);
    expect(dropped).toMatchObject({ accepted: 0, late: 20 });
    if (which === 'without') await (await site.open()).flush();
    await site.stop();
    site.machine.aheadMs = 0;
    await site.send(3, 0);
    const found = await clockAheadOf(await site.open());
    expect(found).toMatchObject([{ topic: 'clicks@1', records: 25, dropped: 20 }]);
    expect(await clockAheadOf(await site.open())).toEqual(found);
    const repaired = await repairClockOf(await site.open());
    expect(repaired).toMatchObject({ redelivered: 20, restamped: 25, views: ['view'] });
    for (const restarts of [false, true]) {
      if (restarts) await site.stop();
      expect(await site.counted()).toBe(site.sent.length);
      if (restarts) expect(await site.degraded()).toBe('');
      expect(await clockAheadOf(await site.open())).toEqual([]);
      expect(await repairClockOf(await site.open())).toMatchObject({ redelivered: 0, restamped: 0 });
    }
    const { accepted } = await site.send(0, 100);
    expect(accepted).toBe(0);
  },
);

test('a repair is rejected while the clock is in doubt', async () => {
  const site = new Site(checked);
  await site.send(4, 0);
  site.machine.aheadMs = 2 * HOUR;
  await expect(repairClockOf(await site.open())).rejects.toMatchObject({ code: 'CLOCK_AHEAD' });
});
