import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  batchView,
  bool,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  lookup,
  model,
  sql,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import type { TrainOptions } from '../../src/training/training-runs.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const WITHIN_H = 3;
/** A label of the last hour of its time arrives an hour late at most. */
const AWAITED_H = WITHIN_H + 1;

const asks = eventSource('asks', {
  id: 'id',
  time: 'at',
  lateness: '1h',
  columns: { id: text(), at: time(), who: text(), number: float(), same: int() },
});
const answers = eventSource('answers', {
  id: 'id',
  time: 'at',
  lateness: '1h',
  columns: { id: text(), at: time(), asked: text(), good: bool() },
});
const who = entity('who', { who: text() });
const never = eventSource('never', {
  id: 'id',
  time: 'at',
  lateness: '3d',
  columns: { id: text(), at: time(), who: text(), n: int() },
});
const live = streamView('live', {
  source: asks,
  entity: who,
  key: { who: 'who' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ asks: count() }),
});
const unrun = batchView('unrun', {
  entity: who,
  schedule: '0 3 * * *',
  freshness: '2d',
  reads: { never },
  features: { n: int() },
  sql: ({ never: rows }) => sql`SELECT who, MAX(n) AS n FROM ${rows} GROUP BY who`,
});
const service = featureService('asked', {
  request: { who: text(), number: float(), same: int() },
  join: (r) => ({ live: lookup(live, { who: r.who }), unrun: lookup(unrun, { who: r.who }) }),
  compute: (r) => ({ number: r.number, same: r.same }),
});
const modelOf = (name: string, more: { readonly otherwise?: boolean; readonly window?: '6h' }) =>
  model(name, {
    task: 'binary',
    service,
    spine: { from: asks, id: 'id' },
    label: {
      from: answers,
      id: 'asked',
      value: (e) => e.good,
      within: `${WITHIN_H}h`,
      ...(more.otherwise === undefined ? {} : { otherwise: more.otherwise }),
    },
    train: {
      with: { kind: 'logisticRegression' },
      ...(more.window === undefined ? {} : { window: more.window }),
    },
  });
const models = {
  settled: modelOf('settled', { otherwise: false }),
  said: modelOf('said', {}),
  windowed: modelOf('windowed', { otherwise: false, window: '6h' }),
};
const project = defineProject('in_time', { asks, answers, ...models });

const opened: { headrace: Headrace; directory: string }[] = [];
afterEach(async () => {
  for (const { headrace, directory } of opened.splice(0)) {
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Rows every hour from the start; the label of row i comes `delays[i]` hours after it, or never. */
async function opening(
  delays: readonly (number | null)[],
): Promise<{ headrace: Headrace; now: number; directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-in-time-'));
  const now = START + delays.length * HOUR_MS;
  let clock = START;
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => clock });
  opened.push({ headrace, directory });
  for (let hour = 0; hour <= delays.length; hour += 1) {
    clock = START + hour * HOUR_MS;
    if (hour < delays.length)
      await headrace.ingest(asks, [{ id: `r${hour}`, at: clock, who: 'ann', number: hour, same: 7 }]);
    const said = delays.flatMap((delay, row) =>
      delay === null || row + delay !== hour ? [] : [{ id: `l${row}`, at: clock, asked: `r${row}`, good: true }],
    );
    await headrace.ingest(answers, said);
  }
  return { headrace, now, directory };
}

async function setOf(headrace: Headrace, path: string, name: keyof typeof models, options: TrainOptions = {}) {
  const lines: string[] = [];
  const summary = await headrace.writeTrainingSet(models[name], path, {
    ...options,
    onLine: (line) => lines.push(line),
  });
  const rows: (readonly [string, number])[] = [];
  for await (const batch of headrace.history.query(`SELECT _id, _label FROM '${path}'`))
    for (const [id, label] of batch) rows.push([String(id), Number(label)]);
  return { summary, rows, lines };
}

describe('a row is learnt from once its label has had its time', () => {
  test('whenever labels come, however far the rows reach, and whatever end is asked for', async () => {
    const delay = fc.option(fc.nat(WITHIN_H + 2), { nil: null });
    await fc.assert(
      fc.asyncProperty(
        fc.array(delay, { minLength: 1, maxLength: 14, size: 'max' }),
        fc.nat(16),
        async (delays, end) => {
          const { headrace, now, directory } = await opening(delays);
          const path = join(directory, 'set.parquet');
          for (const name of ['settled', 'said', 'windowed'] as const) {
            for (const to of [undefined, START + end * HOUR_MS]) {
              const until = to ?? now - AWAITED_H * HOUR_MS;
              const from = name === 'windowed' ? until - 6 * HOUR_MS : Number.NEGATIVE_INFINITY;
              const wanted = delays.flatMap((delay, row): (readonly [string, number])[] => {
                const at = START + row * HOUR_MS;
                if (at < from || at >= until) return [];
                const came = delay !== null && delay <= WITHIN_H && at + delay * HOUR_MS <= now;
                if (came) return [[`r${row}`, 1]];
                return name === 'said' || at + AWAITED_H * HOUR_MS >= now ? [] : [[`r${row}`, 0]];
              });
              const { rows } = await setOf(headrace, path, name, to === undefined ? {} : { to });
              expect(rows).toEqual(wanted);
            }
          }
        },
      ),
      { numRuns: Number(process.env['HEADRACE_LABEL_RUNS'] ?? 4) },
    );
  }, 120_000);

  test('training records its end and its window, and says why features are the same in all rows', async () => {
    const { headrace, now, directory } = await opening(
      Array.from({ length: 40 }, (_, row) => (row % 2 === 0 ? 1 : null)),
    );
    const { summary, lines } = await setOf(headrace, join(directory, 'set.parquet'), 'settled');
    expect(summary.uniform).toMatchObject([
      { feature: 'unrun_n', value: null, reason: expect.stringMatching(/"unrun" has no value .* and has not run yet/) },
      { feature: 'same', value: '7' },
    ]);
    expect(lines).toContainEqual(
      expect.stringMatching(/^warning: feature "unrun_n" is null in all rows: batch view "unrun" has no value/),
    );
    const { lineage } = await headrace.train(models.windowed);
    const to = now - AWAITED_H * HOUR_MS;
    expect(lineage.trainingSet).toMatchObject({
      from: to - 6 * HOUR_MS,
      to,
      rows: 6,
      uniform: ['live_asks_1h', 'unrun_n', 'same'],
    });
  }, 120_000);
});
