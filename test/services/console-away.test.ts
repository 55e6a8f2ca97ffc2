// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { createKey, revokeKey } from '../../src/operating/api-keys.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { consolePages } from '../console/console-pages.ts';
import { project } from '../server/shop.ts';
import { hasRead, launchBrowser } from './browser.ts';
import { HeldGate } from './held-gate.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-away-'));
const local = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
const LONGEST_MS = 120_000;
const WEEK_MS = 7 * 86_400_000;
const paths = await consolePages();
let headrace: Headrace;
let server: RunningServer;
let browser: Browser;
let gate: HeldGate;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  server = await startServer(headrace, local);
  gate = await HeldGate.open(portOf(server));
  browser = await launchBrowser();
}, 600_000);

afterAll(async () => {
  await browser?.close();
  await gate?.close();
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

function portOf({ url }: RunningServer): number {
  return Number(new URL(url).port);
}

/** A page of the console in its own window, which has its own connections. */
interface Opened {
  readonly path: string;
  readonly page: Page;
  /** Errors of scripts; a failed call is not one. */
  readonly errors: string[];
}

/** Works with every page at once. A page that is loaded again loses its mark. */
async function withEveryPage(
  url: string,
  prepare: (page: Page) => Promise<void>,
  work: (pages: readonly Opened[]) => Promise<void>,
): Promise<void> {
  const opened: Opened[] = [];
  try {
    for (const path of paths) {
      const context = await browser.newContext();
      context.setDefaultTimeout(LONGEST_MS);
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(`${path}: ${error}`));
      opened.push({ path, page, errors });
      await page.goto(`${url}/#${path}`);
      await prepare(page);
      await hasRead(page);
      await page.evaluate('window.mark = 1');
    }
    await work(opened);
    for (const { path, page, errors } of opened) {
      expect(await page.evaluate('window.mark'), `${path} was loaded again`).toBe(1);
      expect(errors).toEqual([]);
    }
  } finally {
    for (const { page } of opened) await page.context().close();
  }
}

const nothing = async () => undefined;

const LIVE = /\bLive$/;
const NOT_LIVE = /\bNot live$/;

async function eachShows(pages: readonly Opened[], text: RegExp): Promise<void> {
  await Promise.all(pages.map(({ page }) => page.getByText(text).first().waitFor()));
}

test('every page says that a slow server is not live, and is live again by itself when it answers', () =>
  withEveryPage(gate.url, nothing, async (pages) => {
    await eachShows(pages, LIVE);
    gate.hold(true);
    await eachShows(pages, NOT_LIVE);
    gate.hold(false);
    await eachShows(pages, LIVE);
  }));

test('every page of a browser whose clock is a week ahead is live, and shows the times of the server', () =>
  withEveryPage(
    gate.url,
    (page) => page.clock.setSystemTime(Date.now() + WEEK_MS),
    async (pages) => {
      await eachShows(pages, LIVE);
      for (const { path, page } of pages) {
        const times = await page.evaluate<readonly string[]>(
          `[...document.querySelectorAll('#main time')].map((time) => time.dateTime)`,
        );
        for (const at of times) expect(Date.parse(at), `${path} shows ${at}`).toBeLessThan(Date.now() + WEEK_MS / 7);
      }
    },
  ));

test('every page lives through a restart: it keeps what it shows, says since when, and is live again without being loaded', () =>
  withEveryPage(gate.url, nothing, async (pages) => {
    await eachShows(pages, LIVE);
    gate.target = null;
    gate.cut();
    await server.close();
    await eachShows(pages, NOT_LIVE);
    for (const { page } of pages) {
      await page.locator('h1').waitFor();
      await page.locator('output time').first().waitFor();
    }
    server = await startServer(headrace, local);
    gate.target = portOf(server);
    await eachShows(pages, LIVE);
  }));

test('every page asks for a key again within seconds of its revocation', async () => {
  const { key, text } = createKey(directory, { name: 'console', scopes: ['admin'], now: Date.now() });
  const beyond = await startServer(headrace, { ...local, host: '0.0.0.0', tlsAtProxy: true });
  const signIn = async (page: Page) => {
    await page.getByLabel('API key').fill(text);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  try {
    await withEveryPage(`http://127.0.0.1:${portOf(beyond)}`, signIn, async (pages) => {
      await eachShows(pages, LIVE);
      revokeKey(directory, key.id, Date.now());
      await Promise.all(pages.map(({ page }) => page.getByRole('heading', { name: 'Sign in' }).waitFor()));
    });
  } finally {
    await beyond.close();
  }
});
