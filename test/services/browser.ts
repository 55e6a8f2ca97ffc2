import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';

/** Longest wait of a page for what it looks for, ms. */
const LONGEST_MS = 120_000;

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** Starts the browser of scripts/services. */
export function launchBrowser({ executablePath = chromiumPath() } = {}): Promise<Browser> {
  const env = { ...process.env, LD_LIBRARY_PATH: addressOf('CHROMIUM_LIBRARIES').join(',') };
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'], env });
}

/** The program of the browser. */
export function chromiumPath(): string {
  return addressOf('CHROMIUM').join(',');
}

/** A page of the console, and everything that it must not do, as it happens. */
export interface OpenPage {
  readonly page: Page;
  readonly faults: string[];
}

/** Works with a page of a server in its own window. */
export async function withPage<T>(
  browser: Browser,
  { url, path, ...look }: { readonly url: string; readonly path: string } & BrowserContextOptions,
  work: (open: OpenPage) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext({ viewport: WIDE, ...look });
  context.setDefaultTimeout(LONGEST_MS);
  try {
    const page = await context.newPage();
    const faults = faultsOf(page, url);
    await page.goto(`${url}/#${path}`);
    await hasRead(page);
    return await work({ page, faults });
  } finally {
    await context.close();
  }
}

/** Waits until a page has read what it shows: no place of it waits. */
export async function hasRead(page: Page, longestMs = LONGEST_MS): Promise<void> {
  await page.locator('h1').waitFor({ timeout: longestMs });
  const isRead = async () => !/Reading|Connecting/.test((await page.textContent('#root')) ?? '');
  await until(isRead, { everyMs: 100, longestMs });
}

/** Lists errors of a page, and requests that leave its server, as they happen. */
export function faultsOf(page: Page, url: string): string[] {
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

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Serious and critical findings of axe, WCAG 2.2 AA. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((found) => found.violations)`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => {
      const places = nodes.slice(0, 3).map(({ html }) => html.slice(0, 160));
      return `${id}: ${places.join(' | ')}`;
    });
}

/** Pixels of the page beyond the right edge of the window. */
export function pixelsOver(page: Page): Promise<number> {
  const main = `document.getElementById('main')`;
  return page.evaluate<number>(`${main}.scrollWidth - ${main}.clientWidth`);
}

/** Where the screenshots of docs/guide/console.md go, if the run is to make them. */
const SHOTS = process.env['HEADRACE_SCREENSHOTS'];

/** A long page is cut here. */
const TALLEST = 1_400;

/** Keeps a picture of a page for the documentation, if the run is to make them. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  const { width, height } = page.viewportSize() ?? WIDE;
  const tall = await page.evaluate<number>(`document.getElementById('main').scrollHeight + 60`);
  await page.setViewportSize({ width, height: Math.min(TALLEST, Math.max(height, tall)) });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}
