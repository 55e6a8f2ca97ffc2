// @module-tag deep

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { source as axeSource } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { root } from '../../scripts/run-command.ts';
import { freePorts } from '../../scripts/services/service.ts';
import { consolePages } from '../console/console-pages.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';

const PAGES = await consolePages();

/** Where the screenshots of docs/guide/console.md go, if the run is to make them. */
const SHOTS = process.env['HEADRACE_SCREENSHOTS'];

const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };
const LONGEST_MS = 120_000;
/** A long page is cut here. */
const TALLEST = 1_400;

const place = mkdtempSync(join(tmpdir(), 'headrace-console-pages-'));
let browser: Browser;
let demo: ChildProcess;
let url: string;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  const env = { ...process.env, LD_LIBRARY_PATH: addressOf('CHROMIUM_LIBRARIES').join(',') };
  const executablePath = addressOf('CHROMIUM').join(',');
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'], env });
  const [port] = await freePorts(1);
  const program = ['--conditions=headrace-source', `${root}/examples/flights/main.ts`];
  const options = ['--limit', '100000', '--serve', '--port', `${port}`];
  demo = spawn(process.execPath, [...program, ...options], { cwd: place, stdio: 'ignore' });
  url = `http://127.0.0.1:${port}`;
}, 1_800_000);

afterAll(async () => {
  await browser?.close();
  demo?.kill('SIGKILL');
  rmSync(place, { recursive: true, force: true });
});

/** The demo has replayed its flights and answers. */
async function answers(): Promise<void> {
  const ready = async () =>
    demo.exitCode === null &&
    (await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ));
  await until(ready, { longestMs: 1_500_000, everyMs: 500 });
}

/** Everything that a page must not do, as it happens. */
function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) faults.push(`asks ${request.url()}`);
  });
  return faults;
}

async function open(context: BrowserContext, path: string): Promise<{ page: Page; faults: string[] }> {
  const page = await context.newPage();
  page.setDefaultTimeout(LONGEST_MS);
  const faults = faultsOf(page);
  await page.goto(`${url}/#${path}`);
  await page.locator('h1').waitFor();
  // Whatever is read has come when no place of it is left.
  await until(async () => !/Reading|Connecting/.test((await page.textContent('#root')) ?? ''), { everyMs: 100 });
  return { page, faults };
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Serious and critical findings of axe, WCAG 2.2 AA. */
async function axeFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((found) => found.violations)`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html }) => html.slice(0, 160))
          .join(' | ')}`,
    );
}

async function screenshot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  const { width, height } = page.viewportSize() ?? WIDE;
  const tall = await page.evaluate<number>(`document.getElementById('main').scrollHeight + 60`);
  await page.setViewportSize({ width, height: Math.min(TALLEST, Math.max(height, tall)) });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

const looks = [
  { width: 1440, theme: 'light', viewport: WIDE },
  { width: 1440, theme: 'dark', viewport: WIDE },
  { width: 390, theme: 'light', viewport: NARROW },
  { width: 390, theme: 'dark', viewport: NARROW },
] as const;

describe.each(looks)('at $width px, $theme', ({ width, theme, viewport }) => {
  test.each(PAGES)('the page %s fits, has no fault, and is readable by everybody', async (path) => {
    await answers();
    const context = await browser.newContext({ viewport, colorScheme: theme });
    try {
      const { page, faults } = await open(context, path);
      expect(await page.evaluate(`document.documentElement.dataset.theme`)).toBe(theme);
      const main = `document.getElementById('main')`;
      const over = await page.evaluate(`${main}.scrollWidth - ${main}.clientWidth`);
      expect(over, 'px beyond the window').toBe(0);
      expect(await axeFindings(page)).toEqual([]);
      expect(faults).toEqual([]);
      if ((width === 1440) === (theme === 'light')) await screenshot(page, `${path.slice(1) || 'overview'}-${width}`);
    } finally {
      await context.close();
    }
  });
});

test('the palette goes to a page by the keyboard, and the address has the state', async () => {
  await answers();
  const context = await browser.newContext({ viewport: WIDE });
  try {
    const { page, faults } = await open(context, '/');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('by_origin view');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/features\?view=by_origin/);
    await page.getByRole('searchbox').fill('origin_flights');
    await page.waitForURL(/find=origin_flights/);
    await page.reload();
    await page.getByRole('heading', { name: '4 features' }).waitFor();
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
});

test('an action names its effect, asks once, and its outcome arrives live in another window', async () => {
  await answers();
  const context = await browser.newContext({ viewport: WIDE });
  try {
    const { page: first } = await open(context, '/drift');
    const { page: second } = await open(context, '/drift');
    await first.getByRole('button', { name: 'Freeze' }).click();
    await first.getByRole('textbox').fill('a reason <b>in HTML</b>');
    await first.getByRole('alertdialog').getByRole('button', { name: 'Freeze' }).click();
    await second.getByRole('button', { name: 'Thaw' }).waitFor();
    await second.getByRole('cell', { name: 'a reason <b>in HTML</b>' }).waitFor();
    await second.getByRole('button', { name: 'Thaw' }).click();
    await second.getByRole('alertdialog').getByRole('button', { name: 'Thaw' }).click();
    await first.getByRole('button', { name: 'Freeze' }).waitFor();
  } finally {
    await context.close();
  }
});

test('two people who promote at once: one moves the champion, the other sees the conflict', async () => {
  await answers();
  const context = await browser.newContext({ viewport: WIDE });
  try {
    const { page } = await open(context, '/models');
    // The other one is faster: that call arrives between the click and the call of the page.
    await page.route('**/v1/admin/promote', async (route) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ model: 'late_departure', version: 3, expected: 2, reason: 'faster' });
      const other = await fetch(`${url}/v1/admin/promote`, { method: 'POST', headers, body });
      expect(other.status, await other.text()).toBe(200);
      await route.continue();
    });
    await page
      .getByRole('row', { name: /version 1/ })
      .getByRole('button', { name: 'Promote' })
      .click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Promote' }).click();
    await page.getByText('REGISTRY_MOVED').waitFor();
    await page.getByText('Version 3 of late_departure answers').waitFor();
    // The dialog hides the page from roles.
    await page.getByText('faster', { exact: true }).waitFor();
  } finally {
    await context.close();
  }
});

test('names that are HTML are text, and a file of the wrong kind is refused with a hint', async () => {
  await answers();
  const context = await browser.newContext({ viewport: WIDE });
  try {
    const { page, faults } = await open(context, '/gpu');
    const file = page.getByLabel(/report/i);
    const buffer = (value: unknown) => ({
      name: 'r.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify(value)),
    });
    await file.setInputFiles(buffer({ waterfall: [] }));
    await page.getByText('REPORT_KIND').waitFor();
    const hostile = '<img src=x onerror="document.title=1">';
    const empty = { files: [], refused: [{ path: hostile, code: 'GPU_FORMAT', message: hostile }], traces: [] };
    await file.setInputFiles(buffer({ ...empty, verdict: 'healthy', summary: hostile, findings: [], levels: [] }));
    await page.getByRole('heading', { name: hostile }).waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
});

test('a server that ends leaves a page that says since when its data are stale', async () => {
  await answers();
  const context = await browser.newContext({ viewport: WIDE });
  try {
    const { page } = await open(context, '/operations');
    demo.kill('SIGKILL');
    await page.getByText('Not live').waitFor();
    await page
      .getByText(/Stale: as of/)
      .first()
      .waitFor();
  } finally {
    await context.close();
  }
});
