import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { consolePages } from '../console/console-pages.ts';
import { project, purchases, shopper } from '../server/shop.ts';
import { axeFindings, hasRead, launchBrowser, pixelsOver, withPage } from './browser.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-smoke-'));
const paths = await consolePages();
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

test('a browser walks through every page of a new project, and sees an event come live', async () => {
  await withPage(browser, { url: server.url, path: '/' }, async ({ page, faults }) => {
    for (const path of paths) {
      await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
      await hasRead(page);
      expect(await pixelsOver(page), `px of ${path} beyond the window`).toBe(0);
      expect(await axeFindings(page), path).toEqual([]);
    }
    expect(await page.getByRole('link', { name: 'Labs' }).count(), 'no labs where none are offered').toBe(0);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('sources');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/sources/);
    await headrace.ingest(purchases, [{ id: 'p1', at: Date.now(), user: 'ada', price: '9.50', number: 1n }]);
    await page.getByRole('row', { name: /purchases 1 0/ }).waitFor();
    await page.evaluate(`location.hash = '/features'`);
    await page.getByLabel('user', { exact: true }).fill('ada');
    await page.getByLabel('price', { exact: true }).fill('1');
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.getByRole('button', { name: 'Why is spend_purchases_1h this number?' }).click();
    await page.getByRole('heading', { name: 'spend_purchases_1h is 1' }).waitFor();
    await page.getByRole('cell', { name: 'p1', exact: true }).waitFor();
    expect(await axeFindings(page), 'an explained value').toEqual([]);
    expect(faults).toEqual([]);
  });
});

test('every page of a project that declares no model is read to its end', async () => {
  const features = await openHeadrace({
    project: defineProject('features', { shopper }),
    environment: { directory: join(directory, 'features'), partitions: 1 },
  });
  onTestFinished(() => features.close());
  const other = await startServer(features, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  onTestFinished(() => other.close());
  await withPage(browser, { url: other.url, path: '/' }, async ({ page, faults }) => {
    for (const path of paths) {
      await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
      await hasRead(page);
    }
    expect(faults).toEqual([]);
  });
});
