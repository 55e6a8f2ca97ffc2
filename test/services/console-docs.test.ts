// @module-tag deep
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { buildSite, siteFolder } from '../../website/build.ts';
import { checkSite } from '../../website/check-site.ts';
import { project } from '../server/shop.ts';
import { until } from '../until.ts';
import { axeFindings, faultsOf, launchBrowser, NARROW, WIDE } from './browser.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-docs-'));
let headrace: Headrace;
let server: RunningServer;
let browser: Browser;

beforeAll(async () => {
  await buildSite();
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  browser = await launchBrowser();
}, 900_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Every page that people read, and the index of each folder of pages that are looked up. */
function pagesToRead(): readonly string[] {
  const pages = readdirSync(siteFolder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html'));
  return pages.filter((path) => !path.includes('/') || /^(guide|problems|cookbook)\/|\/index\.html$/.test(path)).sort();
}

async function inWindow(look: BrowserContextOptions, work: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: WIDE, ...look });
  try {
    const page = await context.newPage();
    const faults = faultsOf(page, server.url);
    await work(page);
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
}

const ground = (page: Page) => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');

test('each address of the site leads to a page and an element of it', () => {
  expect(checkSite(siteFolder).problems).toEqual([]);
});

test.each([
  ['a wide window, light', { viewport: WIDE, colorScheme: 'light' }, 1],
  // Colours and parts of the layout are the same on all pages: axe reads some of them again.
  ['a phone, dark', { viewport: NARROW, colorScheme: 'dark' }, 8],
] as const)(
  'a browser opens every page in %s: none is broader than it, and none has a fault',
  async (_, look, readEach) => {
    const pages = pagesToRead();
    expect(pages.length).toBeGreaterThan(50);
    const found: unknown[] = [];
    await inWindow(look, async (page) => {
      for (const [index, path] of pages.entries()) {
        await page.goto(`${server.url}/docs/${path}`);
        await page.locator('h1').first().waitFor();
        const width = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
        const over = await page.evaluate<number>(width);
        const axe = index % readEach === 0 ? await axeFindings(page) : [];
        if (over > 0 || axe.length > 0) found.push({ path, over, axe });
      }
    });
    expect(found).toEqual([]);
  },
  900_000,
);

test('the search finds a page by a word of its text, and opens it', async () => {
  await inWindow({}, async (page) => {
    await page.goto(`${server.url}/docs/`);
    await page.getByRole('button', { name: 'Search' }).first().click();
    await page.locator('#localsearch-input').fill('canary baseline');
    await page.locator('.result').first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/docs\/(guide|decisions)\/.*(rollout|canary)/);
    await page.locator('h1').first().waitFor();
  });
});

test('a click on a link opens its page without a load, and going back returns', async () => {
  await inWindow({}, async (page) => {
    await page.goto(`${server.url}/docs/`);
    await page.evaluate('window.sameDocument = true');
    await page.locator('.vp-doc a[href*="start.html"]').first().click();
    await page.waitForURL(/\/docs\/start\.html$/);
    await page.goBack();
    await page.waitForURL(/\/docs\/$/);
    expect(await page.evaluate('window.sameDocument')).toBe(true);
  });
});

test.each(['light', 'dark'] as const)('a %s system gets that look, and the switch turns it', async (colorScheme) => {
  const [light, dark] = ['rgb(255, 255, 255)', 'rgb(27, 27, 31)'];
  const [first, second] = colorScheme === 'light' ? [light, dark] : [dark, light];
  await inWindow({ colorScheme }, async (page) => {
    await page.goto(`${server.url}/docs/`);
    await page.locator('.VPSwitchAppearance').first().waitFor();
    expect(await ground(page)).toBe(first);
    await page.locator('.VPSwitchAppearance').first().click();
    await until(async () => (await ground(page)) === second, { everyMs: 50 });
    await page.reload();
    await until(async () => (await ground(page)) === second, { everyMs: 50 });
  });
});
