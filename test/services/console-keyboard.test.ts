// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { consolePages } from '../console/console-pages.ts';
import { project, purchases } from '../server/shop.ts';
import { hasRead, launchBrowser, withPage } from './browser.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-keyboard-'));
/** The server offers no labs. */
const paths = (await consolePages()).filter((path) => path !== '/labs');
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

/** More stops than any page has. */
const MOST_STOPS = 400;

/** The element with the focus, as a script. */
const FOCUSED = 'document.activeElement';

/** Presses Tab until the element with the focus fits. */
async function tabTo(page: Page, fits: string): Promise<void> {
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate<boolean>(`((one) => ${fits})(${FOCUSED})`)) return;
  }
  throw new Error(`no stop of the keyboard fits ${fits}`);
}

const isButton = (text: string) => `one.tagName === 'BUTTON' && one.textContent.trim() === ${JSON.stringify(text)}`;
const hasLabel = (text: string) => `one.labels?.[0]?.textContent.trim() === ${JSON.stringify(text)}`;

/** Everything that a pointer can press, by its outer text; a stop that hides its focus is named. */
const CONTROLS = `[...document.querySelectorAll('a[href], button:not(:disabled), input:not(:disabled), select, summary')]
  .filter((one) => one.checkVisibility())`;

test('every page is reached, and every control of it, with the Tab and Enter keys alone', () =>
  withPage(browser, { url: server.url, path: '/' }, async ({ page, faults }) => {
    for (const path of paths) {
      await tabTo(page, `one.tagName === 'A' && one.hash === ${JSON.stringify(`#${path}`)}`);
      await page.keyboard.press('Enter');
      await page.waitForURL(new RegExp(`#${path}(\\?|$)`));
      await hasRead(page);
      await page.evaluate(`for (const one of ${CONTROLS}) delete one.dataset.seen`);
      const hidden: string[] = [];
      const left = () =>
        page.evaluate<readonly string[]>(
          `${CONTROLS}.filter((one) => !one.dataset.seen).map((one) => one.outerHTML.slice(0, 120))`,
        );
      for (let stop = 0; stop < MOST_STOPS && (await left()).length > 0; stop += 1) {
        await page.keyboard.press('Tab');
        const fault = await page.evaluate<string | null>(`((one) => {
          if (one === document.body) return null;
          one.dataset.seen = 'yes';
          const { outlineStyle, outlineWidth } = getComputedStyle(one);
          return outlineStyle === 'none' || outlineWidth === '0px' ? one.outerHTML.slice(0, 120) : null;
        })(${FOCUSED})`);
        if (fault !== null) hidden.push(fault);
      }
      expect(await left(), `controls of ${path} that Tab does not reach`).toEqual([]);
      expect(hidden, `stops of ${path} that do not show the focus`).toEqual([]);
    }
    expect(faults).toEqual([]);
  }));

test('a value is read and explained with the keyboard alone', () =>
  withPage(browser, { url: server.url, path: '/features' }, async ({ page, faults }) => {
    await headrace.ingest(purchases, [{ id: 'p1', at: Date.now(), user: 'ada', price: '9.50', number: 1n }]);
    await tabTo(page, hasLabel('user'));
    await page.keyboard.type('ada');
    await tabTo(page, hasLabel('price'));
    await page.keyboard.type('1');
    await tabTo(page, isButton('Read'));
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Why is spend_purchases_1h this number?' }).waitFor();
    await tabTo(page, `(one.getAttribute('aria-label') ?? one.textContent).startsWith('Why is spend_purchases_1h')`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'spend_purchases_1h is 1' }).waitFor();
    expect(faults).toEqual([]);
  }));
