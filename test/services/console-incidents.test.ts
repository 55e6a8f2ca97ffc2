// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { asked, came, small } from '../models/small-project.ts';
import { launchBrowser, withPage } from './browser.ts';
import { ONE_OPEN_IN, writeIncidents } from './many-incidents.ts';

const INCIDENTS = 1_000_000;
/** The largest answer about incidents, bytes: a page of them, whatever their number. */
const MOST_ANSWER = 200_000;

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-incidents-'));
let headrace: Headrace;
let server: RunningServer;
let browser: Browser;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  await writeIncidents(join(directory, 'alerts.sqlite'), INCIDENTS);
  const project = defineProject('small', { asked, came, small });
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

test('a million incidents are counted on the first page', () =>
  withPage(browser, { url: server.url, path: '/' }, async ({ page, faults }) => {
    const open = Math.floor(INCIDENTS / ONE_OPEN_IN).toLocaleString('en');
    await page.getByText(new RegExp(`^${open} open incidents`)).waitFor();
    const whole = await (await fetch(`${server.url}/v1/alerts`)).text();
    expect(whole.length).toBeLessThan(MOST_ANSWER);
    expect(faults).toEqual([]);
  }));

test('a million incidents are filtered, turned over page by page, and opened; each answer is no larger than a page', () =>
  withPage(browser, { url: server.url, path: '/drift?model=small' }, async ({ page, faults }) => {
    const sizes: Promise<number>[] = [];
    page.on('response', (response) => {
      if (/\/v1\/incidents/.test(response.url())) sizes.push(response.body().then((body) => body.length));
    });
    const rowOf = (no: number) => page.getByRole('link', { name: `Show incident ${no}`, exact: true });
    await rowOf(999_007).waitFor();
    await page.getByRole('combobox', { name: 'Kind' }).selectOption('dataDrift');
    await rowOf(999_007).waitFor({ state: 'detached' });
    await rowOf(998_007).waitFor();
    await page.getByRole('button', { name: 'Older' }).click();
    await rowOf(848_007).waitFor();
    await rowOf(845_007).click();
    await page.getByRole('heading', { name: 'Incident 845007' }).waitFor();
    await page.getByRole('cell', { name: 'hook' }).waitFor();
    expect(sizes.length).toBeGreaterThan(2);
    expect(Math.max(...(await Promise.all(sizes)))).toBeLessThan(MOST_ANSWER);
    // The address has all of it.
    await page.reload();
    await page.getByRole('heading', { name: 'Incident 845007' }).waitFor();
    await rowOf(848_007).waitFor();
    await page.getByRole('combobox', { name: 'State' }).selectOption('open');
    await rowOf(848_007).waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
  }));
