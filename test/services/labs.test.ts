// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { allLabs } from '../../src/labs/all-labs.ts';
import { labsProject } from '../../src/labs/online-features/declaration.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { axeFindings, launchBrowser, NARROW, pixelsOver, screenshot, WIDE, withPage } from './browser.ts';

/** The lab whose pictures are in docs/guide/labs.md. */
const SHOWN = 'training-bill';
/** A step measures a running system: minutes on a machine that does much else. */
const LONGEST_STEP_MS = 600_000;

const directory = mkdtempSync(join(tmpdir(), 'headrace-labs-page-'));
let browser: Browser;
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  headrace = await openHeadrace({ project: labsProject, environment: { directory } });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB', labs: true });
  browser = await launchBrowser();
}, 600_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Acts on the open step, and tries its choices in order until one is supported. */
async function solveStep(page: Page, no: number, isShown: boolean): Promise<void> {
  const step = page.locator('section').filter({ has: page.getByRole('heading', { level: 2, name: `${no}. ` }) });
  await step.getByRole('button').first().click();
  await page.getByRole('alertdialog').getByRole('button').last().click();
  await step.getByText('Your decision').waitFor({ timeout: LONGEST_STEP_MS });
  const choices = await step.getByRole('radio').count();
  for (let choice = 0; choice < choices; choice += 1) {
    await step.getByRole('radio').nth(choice).check();
    if (isShown && no === 1 && choice === 0) await screenshot(page, 'lab-decide');
    await step.getByRole('button', { name: 'Decide' }).click();
    const judged = step.getByRole('cell', { name: /supported|weaker/ });
    await judged.nth(choice).waitFor();
    if ((await step.getByRole('radio').count()) === 0) return;
  }
  throw new Error(`no choice of step ${no} is supported`);
}

test('the page lists five labs, and none is completed', () =>
  withPage(browser, { url: server.url, path: '/labs' }, async ({ page, faults }) => {
    await page.getByText(`0 / ${allLabs.length} completed`, { exact: true }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await screenshot(page, 'labs');
    expect(faults).toEqual([]);
  }));

test.each(allLabs)('a person solves the lab "$title" in the browser, and prints the answer', ({ id, title, steps }) =>
  withPage(browser, { url: server.url, path: '/labs' }, async ({ page, faults }) => {
    await page.getByRole('link', { name: title }).click();
    await page.getByText(`0 of ${steps.length} steps passed`).waitFor();
    for (let no = 1; no <= steps.length; no += 1) await solveStep(page, no, id === SHOWN);
    await page.getByRole('heading', { name: 'Your answer' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    if (id === SHOWN) await screenshot(page, 'lab-answer');
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
    expect(await page.getByRole('heading', { name: 'Failure modes' }).isVisible()).toBe(true);
    if (id === SHOWN) await screenshot(page, 'lab-print');
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize(NARROW);
    expect(await pixelsOver(page), 'px beyond the window').toBe(0);
    await page.setViewportSize(WIDE);
    expect(faults).toEqual([]);
  }),
);

test('all five labs are completed', () =>
  withPage(browser, { url: server.url, path: '/labs' }, ({ page }) =>
    page.getByText(`${allLabs.length} / ${allLabs.length} completed`, { exact: true }).waitFor(),
  ));
