import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { parseJsonExact } from '../../src/schema/json-exact.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import type { Define, Route } from '../../src/server/route.ts';
import { explainFeatures } from '../../src/server/routes/explanations.ts';
import { readFeatureReport } from '../../src/server/routes/feature-report.ts';
import { project } from './shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-explanations-'));
const NOW = Date.UTC(2026, 4, 1, 12);
const JSON_TYPE = { 'content-type': 'application/json' };
let headrace: Headrace;
let server: RunningServer;

const bought = (id: string, agoMs: number, price: string, number: string, user = 'ada') =>
  `{"id":"${id}","at":${NOW - agoMs},"user":"${user}","price":${price},"number":${number}}`;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 2 }, clock: () => NOW });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  const events = [
    bought('p1', 60_000, '9.50', '9007199254740993'),
    bought('p2', 7_200_000, '0.25', '2'),
    bought('p2', 7_200_000, '0.25', '2'),
    bought('p3', 30_000, '1.00', '3', 'bob'),
    `{"id":"p4","at":${NOW},"user":"ada","price":"many","number":4}`,
  ];
  const body = `[${events.join(',')}]`;
  const sent = await fetch(`${server.url}/v1/events/purchases`, { method: 'POST', headers: JSON_TYPE, body });
  expect(sent.status, await sent.text()).toBe(200);
});

afterAll(async () => {
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The schema of a route's answer. */
function schemaOf(route: Route, name?: string): z.ZodType {
  const define: Define = (id, schema) => ({ id, schema });
  const shape = route.shapes(project, define).find((one) => one.name === name);
  const component = shape?.answers[200]?.['application/json'];
  if (typeof component !== 'object') throw new Error(`${route.path} describes no JSON`);
  return component.schema;
}

describe('an explanation', () => {
  const ask = async (request: object, at?: number) => {
    const body = JSON.stringify({ request, at });
    const answer = await fetch(`${server.url}/v1/explanations/shopper`, { method: 'POST', headers: JSON_TYPE, body });
    return { status: answer.status, text: await answer.text() };
  };

  test('names the tiles of each window and the accepted events of the key, each once, with every digit', async () => {
    const { status, text } = await ask({ user: 'ada', price: 1 });
    expect(status, text).toBe(200);
    schemaOf(explainFeatures, 'shopper').parse(JSON.parse(text));
    const { vector, lookups } = parseJsonExact(text) as {
      vector: { features: object };
      lookups: readonly { windows: readonly object[]; events: readonly object[] }[];
    };
    expect(vector.features).toMatchObject({
      spend_purchases_1h: 1,
      spend_purchases_7d: 2,
      spend_numbers_7d: [9_007_199_254_740_993n, 2],
    });
    const [{ windows, events }] = lookups;
    expect(lookups).toMatchObject([
      { alias: 'spend', view: 'spend@1', source: 'purchases', time: 'at', key: { user: 'ada' } },
    ]);
    expect(windows).toMatchObject([
      { windowMs: 3_600_000, to: NOW, events: 1, values: { purchases_1h: 1, spent_1h: '9.50' }, moreTiles: 0 },
      { windowMs: 604_800_000, events: 2, values: { purchases_7d: 2, spent_7d: '9.75' } },
    ]);
    expect(events).toEqual([
      { id: 'p1', at: NOW - 60_000, user: 'ada', price: '9.50', number: '9007199254740993' },
      { id: 'p2', at: NOW - 7_200_000, user: 'ada', price: '0.25', number: '2' },
    ]);
  });

  test('is of the instant that is asked, has nothing for no key, and is not counted as a read', async () => {
    const before = headrace.slo();
    const { text } = await ask({ user: 'ada', price: 1 }, NOW - 1_800_000);
    expect(JSON.parse(text).lookups).toMatchObject([
      { windows: [{ events: 0 }, { events: 1 }], events: [{ id: 'p2' }] },
    ]);
    const none = JSON.parse((await ask({ user: null, price: 1 })).text);
    expect(none.lookups).toMatchObject([{ key: { user: null }, windows: null, events: [] }]);
    expect(headrace.slo()).toEqual(before);
  });

  test('of a bad request is refused as a read is', async () => {
    expect((await ask({ user: 5, price: 1 })).text).toContain('REQUEST_');
    expect(await ask({ user: 'ada', price: 1 }, 1_700_000_000)).toMatchObject({ status: 400 });
  });
});

test('the report of a span names the rule that refused an event, with the event', async () => {
  const answer = await fetch(`${server.url}/v1/feature-report?from=${NOW - 86_400_000}&to=${NOW + 1}`);
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  schemaOf(readFeatureReport).parse(JSON.parse(text));
  const [purchases] = JSON.parse(text).sources;
  expect(purchases).toMatchObject({ source: 'purchases', volume: { deliveries: 4 } });
  expect(purchases.quarantined).toMatchObject([{ column: 'price', events: 1 }]);
  expect(purchases.quarantined[0].code).toMatch(/^EVENT_/);
  expect(JSON.parse(purchases.quarantined[0].sample)).toMatchObject({ id: 'p4', price: 'many' });
  const bad = await fetch(`${server.url}/v1/feature-report?from=${NOW}&to=${NOW}`);
  expect([bad.status, await bad.text()]).toEqual([400, expect.stringContaining('SERVER_BODY')]);
});
