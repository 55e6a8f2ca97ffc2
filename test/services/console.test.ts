// @module-tag deep

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { consolePages } from '../console/console-pages.ts';
import { until } from '../until.ts';
import { axeFindings, launchBrowser, NARROW, pixelsOver, screenshot, WIDE, withPage } from './browser.ts';
import { FlightsDemo } from './flights-demo.ts';

const PAGES = await consolePages();

/** Pages that are empty until a report of a command is dropped: another suite shows them. */
const REPORTS: readonly string[] = ['/gpu', '/cost'];

let browser: Browser;
let demo: FlightsDemo;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  browser = await launchBrowser();
  demo = await FlightsDemo.start();
  await demo.answers();
}, 1_800_000);

afterAll(async () => {
  await browser?.close();
  demo?.end();
});

const looks = [
  { width: 1440, theme: 'light', viewport: WIDE },
  { width: 1440, theme: 'dark', viewport: WIDE },
  { width: 390, theme: 'light', viewport: NARROW },
  { width: 390, theme: 'dark', viewport: NARROW },
] as const;

describe.each(looks)('at $width px, $theme', ({ width, theme, viewport }) => {
  test.each(PAGES)('the page %s fits, has no fault, and is readable by everybody', (path) =>
    withPage(browser, { url: demo.url, path, viewport, colorScheme: theme }, async ({ page, faults }) => {
      expect(await page.evaluate(`document.documentElement.dataset.theme`)).toBe(theme);
      expect(await pixelsOver(page), 'px beyond the window').toBe(0);
      expect(await axeFindings(page)).toEqual([]);
      expect(faults).toEqual([]);
      const isShown = width === WIDE.width ? theme === 'light' : theme === 'dark' && path === '/';
      if (isShown && !REPORTS.includes(path)) await screenshot(page, `${path.slice(1) || 'overview'}-${width}`);
    }),
  );
});

test('a new user sees the incident of a drift, its training and its canary', () =>
  withPage(browser, { url: demo.url, path: '/' }, async ({ page, faults }) => {
    await page.getByRole('link', { name: /the realised brier rose/ }).click();
    await page.waitForURL(/#\/drift\?.*incident=/);
    await page
      .getByRole('row', { name: /the realised brier rose/ })
      .first()
      .waitFor();
    await page
      .getByRole('row', { name: /retrain/ })
      .first()
      .waitFor();
    await page.evaluate(`location.hash = '/rollouts'`);
    await page.getByText(/Version 2 after version 1/).waitFor();
    await page
      .getByRole('row', { name: /canary/ })
      .first()
      .waitFor();
    expect(faults).toEqual([]);
  }));

test('the palette goes to a page by the keyboard, and the address has the state', () =>
  withPage(browser, { url: demo.url, path: '/' }, async ({ page, faults }) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('by_origin view');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/features\?view=by_origin/);
    await page.getByRole('searchbox').fill('origin_flights');
    await page.waitForURL(/find=origin_flights/);
    await page.reload();
    await page.getByRole('heading', { name: '4 features' }).waitFor();
    expect(faults).toEqual([]);
  }));

test('an action names its effect, asks once, and its outcome arrives live in another window', () =>
  withPage(browser, { url: demo.url, path: '/drift' }, ({ page: first }) =>
    withPage(browser, { url: demo.url, path: '/drift' }, async ({ page: second }) => {
      await first.getByRole('button', { name: 'Freeze' }).click();
      await first.getByRole('textbox').fill('a reason <b>in HTML</b>');
      await first.getByRole('alertdialog').getByRole('button', { name: 'Freeze' }).click();
      await second.getByRole('button', { name: 'Thaw' }).waitFor();
      await second.getByRole('cell', { name: 'a reason <b>in HTML</b>' }).waitFor();
      await second.getByRole('button', { name: 'Thaw' }).click();
      await second.getByRole('alertdialog').getByRole('button', { name: 'Thaw' }).click();
      await first.getByRole('button', { name: 'Freeze' }).waitFor();
    }),
  ));

/** Starts a job, and waits until it is done. */
async function finishJob(job: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const asked = await fetch(`${demo.url}/v1/admin/jobs`, { method: 'POST', headers, body: JSON.stringify(job) });
  const { id } = (await asked.json()) as { readonly id: string };
  const state = async () => {
    const read = await fetch(`${demo.url}/v1/admin/jobs/${id}`);
    return ((await read.json()) as { readonly state: string }).state;
  };
  await until(async () => !['waiting', 'running'].includes(await state()), { everyMs: 500, longestMs: 600_000 });
  expect(await state()).toBe('done');
}

test('two people who promote at once: one moves the champion, the other sees the conflict', async () => {
  await finishJob({ kind: 'train', model: 'late_departure' });
  await withPage(browser, { url: demo.url, path: '/models' }, async ({ page }) => {
    // The other one is faster: that call arrives between the click and the call of the page.
    await page.route('**/v1/admin/promote', async (route) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ model: 'late_departure', version: 3, expected: 2, reason: 'faster' });
      const other = await fetch(`${demo.url}/v1/admin/promote`, { method: 'POST', headers, body });
      expect(other.status, await other.text()).toBe(200);
      await route.continue();
    });
    const row = page.getByRole('row', { name: /version 1/ });
    await row.getByRole('button', { name: 'Promote' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Promote' }).click();
    await page.getByText('REGISTRY_MOVED').waitFor();
    await page.getByText('Version 3 of late_departure answers').waitFor();
    // The dialog hides the page from roles.
    await page.getByText('faster', { exact: true }).waitFor();
  });
});

test('a server that ends leaves a page that says since when its data are stale', () =>
  withPage(browser, { url: demo.url, path: '/operations' }, async ({ page }) => {
    demo.kill();
    await page.getByText('Not live').waitFor();
    await page
      .getByText(/Stale: as of/)
      .first()
      .waitFor();
  }));
