import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeRecords } from '../../examples/inference/judge.ts';
import { openMonitor } from '../../src/compose/open-monitor.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { asked } from '../models/small-project.ts';
import { event, foundTopics, PARTITIONS, project, registerVersions, VERSIONS } from './stream-site.ts';

/** More by hand: `HEADRACE_ONCE_RUNS=200`. */
const RUNS = Number(process.env['HEADRACE_ONCE_RUNS'] ?? 3);
const START = Date.UTC(2026, 0, 1);

/** What is done to a program with a stream. */
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('again' as const),
      back: fc.nat(25),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('late' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 90 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('tick' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('roll' as const),
      version: fc.integer({ min: 1, max: VERSIONS }),
      to: fc.constantFrom('now', 'end', 'past', 'near', 'absurd', 'keys', 'time', 'never'),
      replace: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const root = mkdtempSync(join(tmpdir(), 'headrace-once-'));
await registerVersions(join(root, 'empty'));

class Program {
  directory = '';
  now = START;
  #lives = 0;
  #sent: ReturnType<typeof event>[] = [];
  #headrace: Headrace | null = null;

  get headrace(): Headrace {
    if (this.#headrace === null) throw new Error('it is not open');
    return this.#headrace;
  }

  async start(from = join(root, 'empty')): Promise<void> {
    this.#lives += 1;
    const directory = mkdtempSync(join(root, 'life-'));
    cpSync(from, directory, { recursive: true });
    this.directory = directory;
    await this.#open();
  }

  async #open(): Promise<void> {
    this.#headrace = await openHeadrace({
      project,
      environment: { directory: this.directory, partitions: PARTITIONS },
      clock: () => this.now,
      onFault: (error) => {
        throw error;
      },
    });
  }

  async restart(): Promise<void> {
    await this.headrace.close();
    await this.#open();
  }

  /** Continues from what a killed process leaves: its files as they are, and not its memory. */
  async kill(): Promise<void> {
    const { headrace, directory } = this;
    await this.start(directory);
    await headrace.close();
  }

  async send(count: number, lateMs = 0): Promise<void> {
    const events = Array.from({ length: count }, (_, i) => {
      this.now += 1_000;
      return event(this.#sent.length + 1 + i, this.now - lateMs);
    });
    this.#sent.push(...events);
    await this.headrace.ingest(asked, events);
  }

  async again(back: number, count: number): Promise<void> {
    this.now += 1;
    const from = Math.max(0, this.#sent.length - back);
    await this.headrace.ingest(asked, this.#sent.slice(from, from + count).toReversed());
  }

  async do(one: Action): Promise<void> {
    const stream = this.headrace.stream('scored');
    if (one.kind === 'send') await this.send(one.count);
    else if (one.kind === 'again') await this.again(one.back, one.count);
    else if (one.kind === 'late') await this.send(1, asked.latenessMs + 1);
    else if (one.kind === 'wait') this.now += one.minutes * 60_000;
    else if (one.kind === 'tick') await this.headrace.tick();
    else if (one.kind === 'restart') await this.restart();
    else if (one.kind === 'kill') await this.kill();
    else if (stream.status.partitions.length === 0) return;
    else if (one.kind === 'abort') await stream.abort();
    else if (one.kind === 'cancel') await stream.cancel().catch(refusedWith('STREAM_CUT_OVER'));
    else await this.roll(one);
  }

  /** Rolls, or is refused: where another plan is open, and where an offset has passed. */
  async roll({ version, to, replace }: Extract<Action, { readonly kind: 'roll' }>): Promise<void> {
    const stream = this.headrace.stream('scored');
    const { rollingTo, partitions } = stream.status;
    const isRefused = to === 'past' && partitions.some(({ next }) => next > 0);
    const offsetsBy = (move: (next: number) => number) => partitions.map(({ next }) => Math.max(0, move(next)));
    const cutOvers = {
      now: { kind: 'immediate' },
      end: { kind: 'at-offset', offsets: null },
      past: { kind: 'at-offset', offsets: offsetsBy((next) => next - 1) },
      near: { kind: 'at-offset', offsets: offsetsBy((next) => next + 2) },
      absurd: { kind: 'at-offset', offsets: offsetsBy(() => 1e9) },
      keys: { kind: 'canary-keys', buckets: 5_000, salt: 's' },
      time: { kind: 'at-event-time', at: this.now + 2_500, idleMs: 30_000 },
      never: { kind: 'at-event-time', at: this.now + 1e12 },
    } as const;
    const rolled = stream.roll({ version, cutOver: cutOvers[to], replace });
    if (isRefused) await expect(rolled).rejects.toMatchObject({ code: 'STREAM_CUT_OVER' });
    else if (rollingTo !== null && !replace) await expect(rolled).rejects.toMatchObject({ code: 'STREAM_PLAN' });
    else await rolled;
  }

  /** By place, the verdict that the history has. */
  async history(): Promise<ReadonlyMap<string, string>> {
    const stores = await openMonitor(project, resolveEnvironment('local', { directory: this.directory }, project.name));
    const history = await stores.history();
    const found = new Map<string, string>();
    const sql = `SELECT _partition, _offset, _verdict FROM ${history.relation(rawTable(asked))} AS r`;
    for await (const rows of history.query(sql))
      for (const [partition, offset, verdict] of rows) found.set(`${partition}/${offset}`, String(verdict));
    await history.close();
    await stores.close();
    return found;
  }
}

function refusedWith(code: string): (error: unknown) => void {
  return (error) => expect(error).toMatchObject({ code });
}

test('whatever is sent again, late or in another order, over rolls, restarts and kills: an accepted id has one score, and a repeat names it', async () => {
  const run = fc.asyncProperty(fc.array(action, { minLength: 15, maxLength: 40 }), async (actions) => {
    const program = new Program();
    await program.start();
    await program.headrace.tick();
    for (const one of actions) await program.do(one);
    await program.send(2);
    // Whatever was planned, a roll back begins at the next record.
    const stream = program.headrace.stream('scored');
    await stream.roll({ version: 2, cutOver: { kind: 'immediate' }, replace: true });
    await program.headrace.tick();
    const rolledAt = stream.status.partitions.map(({ next }) => next);
    await program.send(9);
    await program.again(12, 12);
    await program.headrace.tick();
    await program.headrace.close();
    const found = foundTopics(program.directory);
    const verdict = judgeRecords(found);
    expect(verdict).toMatchObject({ lost: 0, double: 0, wrong: 0, outputs: verdict.records });
    expect(verdict.repeats).toBeGreaterThan(0);
    const known = await program.history();
    expect(known.size).toBe(verdict.records);
    for (const { partition, payload } of found.outputs) {
      const { offset, score, error, first, version } = JSON.parse(payload);
      if (offset >= rolledAt[partition]) expect(version).toBe(2);
      const ours = score !== null ? 'accepted' : first === undefined ? / it is "?(\w+)/.exec(error)?.[1] : 'duplicate';
      expect([partition, offset, ours]).toEqual([partition, offset, known.get(`${partition}/${offset}`)]);
    }
  });
  await fc.assert(run, { numRuns: RUNS });
}, 3_600_000);
