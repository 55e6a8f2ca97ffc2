// @module-tag deep

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { labsProject } from '../../src/labs/online-features/declaration.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { addressOf } from './addresses.ts';

/** Where the screenshots of docs/guide/labs.md go, if the run is to make them. */
const SHOTS = process.env['HEADRACE_SCREENSHOTS'];

const directory = mkdtempSync(join(tmpdir(), 'headrace-labs-page-'));
let browser: Browser;
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  headrace = await openHeadrace({ project: labsProject, environment: { directory } });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB', labs: true });
  const env = { ...process.env, LD_LIBRARY_PATH: addressOf('CHROMIUM_LIBRARIES').join(',') };
  const executablePath = addressOf('CHROMIUM').join(',');
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'], env });
}, 600_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Serious and critical findings of axe, WCAG 2.2 AA. */
async function axeFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return page.evaluate<readonly string[]>(
    `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) =>
      violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + ' ' + nodes[0].html))`,
  );
}

async function shot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** Acts on the open step, and tries its choices in order until one is supported. */
async function solveStep(page: Page, no: number): Promise<void> {
  const step = page.locator('section').filter({ has: page.getByRole('heading', { level: 2, name: `${no}. ` }) });
  await step.getByRole('button').first().click();
  await page.getByRole('alertdialog').getByRole('button').last().click();
  await step.getByText('Your decision').waitFor({ timeout: 300_000 });
  const choices = await step.getByRole('radio').count();
  for (let choice = 0; choice < choices; choice += 1) {
    await step.getByRole('radio').nth(choice).check();
    if (no === 1 && choice === 0) await shot(page, 'lab-decide');
    await step.getByRole('button', { name: 'Decide' }).click();
    const judged = step.getByRole('cell', { name: /supported|weaker/ });
    await judged.nth(choice).waitFor();
    if ((await step.getByRole('radio').count()) === 0) return;
  }
}

test('a person solves a lab in the browser, and prints the answer without the menu', async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => void (message.type() === 'error' && faults.push(message.text())));
    await page.goto(`${server.url}/#/labs`);
    await page.getByText(/^0 \/ 5 completed$/).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await shot(page, 'labs');
    await page.getByRole('link', { name: '8 hours on 32 A100' }).click();
    await page.getByText('0 of 3 steps passed').waitFor();
    for (let no = 1; no <= 3; no += 1) await solveStep(page, no);
    await page.getByRole('heading', { name: 'Your answer' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await shot(page, 'lab-answer');
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
    expect(await page.getByRole('heading', { name: 'Failure modes' }).isVisible()).toBe(true);
    await shot(page, 'lab-print');
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize({ width: 390, height: 844 });
    const main = `document.getElementById('main')`;
    expect(await page.evaluate(`${main}.scrollWidth - ${main}.clientWidth`), 'px beyond the window').toBe(0);
    await page.getByRole('link', { name: 'All labs' }).click();
    await page.getByText(/^1 \/ 5 completed$/).waitFor();
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
});
