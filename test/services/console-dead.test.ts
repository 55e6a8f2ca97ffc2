// @module-tag deep

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { asked, came, registerSmall, small } from '../models/small-project.ts';
import { axeFindings, launchBrowser, NARROW, pixelsOver, withPage } from './browser.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-dead-'));
let headrace: Headrace;
let server: RunningServer;
let browser: Browser;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  const registry = openSqliteRegistry(registryFile(directory));
  await registerSmall(registry, new FileArtifactStore(join(directory, 'artifacts')), 1);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  const { signature } = await registry.version('small', 1);
  await registry.close();
  headrace = await openHeadrace({ project: defineProject('p', { asked, came, small }), environment: { directory } });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  browser = await launchBrowser();
  const files = join(directory, 'batch', 'files');
  mkdirSync(files, { recursive: true });
  // The second and the fourth row have a number that no model takes.
  writeFileSync(join(files, 'rows.csv'), 'x0,x1\n1,2\n2,1e300\n3,0\n4,-1e39\n');
  const inputs = signature.features.map((_, i) => `x${i % 2}`);
  const body = { kind: 'predict', model: 'small', from: 'rows.csv', to: 'scores', inputs, workers: 1, mostErrors: 0.9 };
  const headers = { 'content-type': 'application/json' };
  const asking = await fetch(`${server.url}/v1/admin/jobs`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(asking.status).toBe(202);
}, 600_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('rows that a batch gives up appear live, each with its reason, its file and the next command, at both widths', () =>
  withPage(browser, { url: server.url, path: '/inference' }, async ({ page, faults }) => {
    await page.getByRole('heading', { name: 'Rows that the batch of small gave up' }).waitFor();
    const table = page.getByRole('region', { name: /Dead rows of/ });
    for (const row of ['1', '3']) await table.getByRole('cell', { name: row, exact: true }).waitFor();
    await table
      .getByRole('cell', { name: /^scores\/.*quarantine/ })
      .first()
      .waitFor();
    await page.getByText('npx headrace predict small --from corrected.parquet').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.setViewportSize(NARROW);
    expect(await pixelsOver(page), 'px beyond the window').toBe(0);
    expect(faults).toEqual([]);
  }));
