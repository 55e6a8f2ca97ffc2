// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { project } from '../server/shop.ts';
import { axeFindings, launchBrowser, pixelsOver, screenshot, withPage } from './browser.ts';
import { diagnosisOf, planJson } from './report-kinds.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-reports-'));
let headrace: Headrace;
let server: RunningServer;
let browser: Browser;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  browser = await launchBrowser();
}, 600_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Drops a report into a place of a page. */
function dropInto(page: Page, place: number, name: string, text: string): Promise<void> {
  const file = { name, mimeType: 'application/json', buffer: Buffer.from(text) };
  return page
    .getByLabel(/report|another one/i)
    .nth(place)
    .setInputFiles(file);
}

test('the diagnosis of three ranks is shown side by side, and against one of before', async () => {
  const [before, after] = [await diagnosisOf('straggler'), await diagnosisOf('none')];
  await withPage(browser, { url: server.url, path: '/gpu' }, async ({ page, faults }) => {
    await dropInto(page, 0, 'before.json', before);
    await page.getByRole('heading', { name: '3 devices: the others wait for rank 1' }).waitFor();
    await screenshot(page, 'gpu-1440');
    await dropInto(page, 0, 'after.json', after);
    await page.getByText('Nothing to fix').waitFor();
    await dropInto(page, 1, 'before.json', before);
    await page.getByRole('region', { name: 'Findings before and after' }).waitFor();
    await page.getByText('gone').first().waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(await pixelsOver(page), 'px beyond the window').toBe(0);
    expect(faults).toEqual([]);
  });
});

test('raw traces of three ranks are read by the server, and zoomed into', async () => {
  const run = { fault: 'straggler', share: 0.3, steps: 6, kernelsPerStep: 60, kernelUs: 80, ranks: 3 } as const;
  const files = trainingRun({ ...run, random: seededRandom(9) }).map((capture) => ({
    name: `rank-${capture.rank}.json`,
    mimeType: 'application/json',
    buffer: Buffer.from(captureJson(capture)),
  }));
  await withPage(browser, { url: server.url, path: '/gpu' }, async ({ page, faults }) => {
    await page.getByLabel(/raw files/i).setInputFiles(files);
    await page.getByRole('heading', { name: '3 devices: the others wait for rank 1' }).waitFor();
    const zoom = page.getByRole('button', { name: 'Zoom in' }).first();
    for (let i = 0; i < 6; i += 1) await zoom.click();
    expect(await axeFindings(page)).toEqual([]);
    expect(faults).toEqual([]);
  });
});

test('a plan is shown with its outcomes against its limits', async () => {
  const plan = await planJson();
  await withPage(browser, { url: server.url, path: '/cost' }, async ({ page, faults }) => {
    await dropInto(page, 0, 'plan.json', plan);
    await page.getByRole('heading', { name: /draws miss the deadline/ }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(await pixelsOver(page), 'px beyond the window').toBe(0);
    expect(faults).toEqual([]);
    await screenshot(page, 'cost-1440');
  });
});

test('names that are HTML are text, and a file of the wrong kind is refused with a hint', () =>
  withPage(browser, { url: server.url, path: '/gpu' }, async ({ page, faults }) => {
    const file = page.getByLabel(/report/i);
    const buffer = (value: unknown) => ({
      name: 'r.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify(value)),
    });
    await file.setInputFiles(buffer({ version: 1, waterfall: [] }));
    await page.getByText('REPORT_KIND').waitFor();
    await file.setInputFiles(buffer({ waterfall: [] }));
    await page
      .getByText(/GPU_NO_DATA|GPU_NOT_A_TRACE|GPU_FORMAT/)
      .first()
      .waitFor();
    const hostile = '<img src=x onerror="document.title=1">';
    const lists = ['files', 'traces', 'utilisation', 'allocation', 'processes', 'kernels', 'reasons', 'limitations'];
    const refused = [{ path: hostile, code: 'GPU_FORMAT', message: hostile }];
    const empty = { version: 1, ...Object.fromEntries(lists.map((name) => [name, []])), refused };
    await file.setInputFiles(buffer({ ...empty, verdict: 'healthy', summary: hostile, findings: [], levels: [] }));
    await page.getByRole('heading', { name: hostile }).waitFor();
    expect(await page.locator('img').count()).toBe(0);
    // The browser itself notes the answer that refuses the file.
    expect(faults.filter((one) => !/status of 400.*files\/gpu$/.test(one))).toEqual([]);
  }));
