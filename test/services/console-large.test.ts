// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, CDPSession, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillRegistry } from '../../bench/fill-registry.ts';
import { buildConsole } from '../../scripts/build-console.ts';
import {
  bool,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  max,
  mean,
  min,
  model,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { registryFile } from '../../src/site/open-registry.ts';
import { launchBrowser, WIDE } from './browser.ts';

const SERVICES = 500;
/** Of each service: five aggregates over four windows. */
const FEATURES = 20;
const MODELS = 1_000;
const RUNS = 100_000;

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-large-'));
let headrace: Headrace;
let server: RunningServer;
let browser: Browser;

/** A project as large as a whole company has it. */
function largeProject() {
  const orders = eventSource('orders', {
    id: 'id',
    time: 'at',
    columns: { id: text(), at: time(), user: text(), price: int() },
  });
  const ends = eventSource('ends', {
    id: 'id',
    time: 'at',
    columns: { id: text(), at: time(), order: text(), good: bool() },
  });
  const user = entity('user', { user: text() });
  const services = Array.from({ length: SERVICES }, (_, i) => {
    const view = streamView(`view_${i}`, {
      source: orders,
      entity: user,
      key: { user: 'user' },
      windows: ['1h', '6h', '1d', '7d'],
      freshness: '1s',
      features: (e) => ({
        n: count(),
        total: sum(e.price),
        mean: mean(e.price),
        least: min(e.price),
        most: max(e.price),
      }),
    });
    return featureService(`service_${i}`, {
      request: { user: text() },
      join: (r) => ({ own: lookup(view, { user: r.user }) }),
    });
  });
  const models = Array.from({ length: MODELS }, (_, i) =>
    model(`model_${i}`, {
      task: 'binary',
      service: services[i % SERVICES],
      spine: { from: orders, id: 'id' },
      label: { from: ends, id: 'order', value: (e) => e.good, within: '1d' },
      train: { with: { kind: 'logisticRegression' } },
    }),
  );
  const named = [...services, ...models].map((one) => [one.name, one] as const);
  return defineProject('large', { orders, ends, ...Object.fromEntries(named) });
}

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  await fillRegistry(registryFile(directory), RUNS);
  headrace = await openHeadrace({ project: largeProject(), environment: { directory, partitions: 1 } });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  browser = await launchBrowser();
}, 1_800_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A page of so large a project takes minutes on a machine that does much else. */
const LONGEST_MS = 600_000;

/** Works with a page while the rest of it is still being read. */
async function withLarge(path: string, work: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: WIDE });
  context.setDefaultTimeout(LONGEST_MS);
  try {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    await page.goto(`${server.url}/#${path}`);
    await work(page);
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
}

/** Rows in a page at once: a table shows a part, whatever it has. */
const MOST_ROWS = 3_000;

/** CPU time of the page's own thread, ms: a busy machine does not count. */
async function threadMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
}

/**
 * Types a filter, and prints its time and the CPU time of the page. Neither is asserted: a live answer may come between. What must hold
 * is that no run is read again, and that the page stays small.
 */
async function filtered(page: Page, label: string, filter: string, shows: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const asked: string[] = [];
  const note = (request: Request) => asked.push(request.url());
  page.on('request', note);
  const [begun, before] = [performance.now(), await threadMs(session)];
  await page.getByLabel(label).fill(filter);
  await page.getByText(shows, { exact: true }).waitFor();
  const cpuMs = Math.round((await threadMs(session)) - before);
  console.info(`${shows}: ${Math.round(performance.now() - begun)} ms after the filter, ${cpuMs} ms of CPU`);
  page.off('request', note);
  await session.detach();
  expect(asked.filter((url) => /\/v1\/(?:runs|project)\b/.test(url))).toEqual([]);
  expect(await page.locator('tr').count()).toBeLessThan(MOST_ROWS);
}

test('every one of 10,000 features is found by a few letters, with its lineage to the models', () =>
  withLarge('/features', async (page) => {
    await page.getByRole('heading', { name: `${(SERVICES * FEATURES).toLocaleString('en')} features` }).waitFor();
    await filtered(page, 'Find a feature', 'service_499 total_7d', '1 feature');
    await page.getByRole('cell', { name: 'model_499, model_999' }).waitFor();
  }));

test('100,000 runs are filtered and sorted in the page, and 1,000 models are chosen from', () =>
  withLarge('/models?model=model_999', async (page) => {
    const all = RUNS.toLocaleString('en');
    await page.getByText(`${all} of ${all} runs`).waitFor();
    await filtered(page, 'Filter runs', 'auc>0.95 depth=6', `500 of ${all} runs`);
    await filtered(page, 'Filter runs', '', `${all} of ${all} runs`);
    await page.getByRole('button', { name: /^auc/ }).click();
    await page.getByRole('columnheader', { name: /^auc ↓/ }).waitFor();
    await page.getByRole('cell', { name: '1', exact: true }).first().waitFor();
    expect(await page.locator('#main header select').inputValue()).toBe('model_999');
  }));
