import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';
import { defineProject, eventSource, nullable, text, time } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { until } from '../until.ts';
import { project, purchases, returns, risk } from './shop.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const NOW = START + 10 * DAY_MS;
const folder = mkdtempSync(join(tmpdir(), 'headrace-model-sets-'));
const directory = join(folder, 'shop');
const options = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
let now = START;
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => now });
  const ids = Array.from({ length: 20 }, (_, i) => `p${i}`);
  const at = (i: number) => START + i * 3_600_000;
  const bought = ids.map((id, i) => ({ id, at: at(i), user: `u${i % 3}`, price: '2.50', number: BigInt(i) }));
  const back = ids
    .slice(0, 15)
    .map((id, i) => ({ id: `r${i}`, at: at(i) + 60_000, purchase: id, returned: i % 2 === 0 }));
  // Each arrives at its instant: none is late.
  for (const [i, one] of bought.entries()) {
    now = one.at;
    await headrace.ingest(purchases, [one]);
    now += 60_000;
    await headrace.ingest(returns, back.slice(i, i + 1));
  }
  now = NOW;
  await headrace.flush();
  server = await startServer(headrace, options);
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(folder, { recursive: true, force: true });
});

const place = join(directory, 'training-sets');
const sets = () => (existsSync(place) ? readdirSync(place) : []);

test('the set that is read is the set that a training would write, and no file of it stays', async () => {
  for (const span of [
    { from: START, to: NOW },
    { from: START + 5 * 3_600_000, to: START + 9 * 3_600_000 },
  ])
    for (const mode of ['corrected', 'as-known'] as const) {
      const own = join(folder, 'own.parquet');
      const { rows } = await headrace.writeTrainingSet(risk, own, { ...span, mode });
      expect(rows).toBeGreaterThan(0);
      const answer = await fetch(`${server.url}/v1/model-sets/risk?from=${span.from}&to=${span.to}&mode=${mode}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/vnd.apache.parquet']);
      expect(Buffer.from(await answer.arrayBuffer()).equals(readFileSync(own))).toBe(true);
    }
  await until(() => sets().length === 0);
});

test.each(['from=yesterday', 'mode=all', `from=${NOW}&to=${START}`, 'rows=3'])(
  '%s is refused, and no file stays',
  async (query) => {
    const answer = await fetch(`${server.url}/v1/model-sets/risk?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toHaveProperty('error.hint');
    await until(() => sets().length === 0);
  },
);

test('the declaration of a source says its columns of before, and a page what changed', async () => {
  const columns = { id: text(), at: time(), user: text() };
  const visits = (more: object) =>
    defineProject('visits', {
      visits: eventSource('visits', { id: 'id', time: 'at', columns: { ...columns, ...more } }),
    });
  const { columnHistory } = await import(`${root}/console/src/pages/sources/column-history.ts`);
  const declared = async (more: object) => {
    const open = await openHeadrace({
      project: visits(more),
      environment: { directory: join(folder, 'visits'), partitions: 1 },
    });
    const running = await startServer(open, options);
    try {
      const answer = await fetch(`${running.url}/v1/project`);
      const { sources } = (await answer.json()) as { readonly sources: readonly object[] };
      return sources[0];
    } finally {
      await running.close();
      await open.close();
    }
  };
  expect(columnHistory(await declared({}))).toEqual([]);
  const source = await declared({ page: nullable(text()) });
  expect(source).toHaveProperty('earlier.length', 1);
  const change = { no: 2, kind: 'added', column: 'page', before: null, after: expect.stringContaining('text') };
  expect(columnHistory(source)).toEqual([change]);
});
