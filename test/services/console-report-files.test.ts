// @module-tag deep

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { root, runCommand } from '../../scripts/run-command.ts';
import type { ReportKind } from '../../src/report/report-kinds.ts';
import { reportPage } from '../../src/report/report-page.ts';
import { axeFindings, launchBrowser, NARROW, pixelsOver, WIDE } from './browser.ts';
import { type MadeReport, madeReports } from './report-kinds.ts';

const KINDS = ['window', 'comparison', 'features', 'gpu', 'cost'] as const satisfies readonly ReportKind[];
const folder = mkdtempSync(join(tmpdir(), 'headrace-report-files-'));
let browser: Browser;
let reports: Readonly<Record<ReportKind, MadeReport>>;

beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
  browser = await launchBrowser();
  reports = await madeReports();
}, 1_800_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a report from the disk. Nothing but its one file may be asked for. */
async function withReport(
  [kind, json]: readonly [ReportKind, string],
  look: BrowserContextOptions,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const path = join(folder, `${kind}.html`);
  writeFileSync(path, reportPage(kind, json));
  const address = pathToFileURL(path).href;
  const context = await browser.newContext({ viewport: WIDE, ...look });
  try {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('request', (request) => request.url() !== address && faults.push(`asks ${request.url()}`));
    await page.goto(address);
    await work(page);
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
}

/** The texts of all cells of a table, row by row, without the signs of states. */
function cellsOf(page: Page, table: string): Promise<readonly (readonly string[])[]> {
  return page
    .getByRole('region', { name: table, exact: true })
    .first()
    .locator('tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) => [...row.children].map((cell) => (cell.textContent ?? '').replace(/^[●▲✕○◐] /, ''))),
    );
}

describe.each(KINDS)('the page of a report of the kind %s', (kind) => {
  test('shows the figures of its JSON from the disk, and asks for nothing', () =>
    withReport([kind, reports[kind].json], {}, async (page) => {
      await page.locator('h1').waitFor();
      const { tables } = reports[kind];
      expect(tables.length).toBeGreaterThan(0);
      for (const { table, at, rows } of tables) {
        const shown = await cellsOf(page, table);
        expect(
          shown.map((cells) => at.map((place) => cells[place])),
          table,
        ).toEqual(rows);
      }
    }));

  test('fits both widths in both themes, is readable by everybody, and prints', async () => {
    for (const [viewport, colorScheme] of [
      [WIDE, 'light'],
      [WIDE, 'dark'],
      [NARROW, 'light'],
      [NARROW, 'dark'],
    ] as const)
      await withReport([kind, reports[kind].json], { viewport, colorScheme }, async (page) => {
        await page.locator('h1').waitFor();
        expect(await page.evaluate('document.documentElement.dataset.theme')).toBe(colorScheme);
        expect(await pixelsOver(page), `px beyond ${viewport.width}`).toBe(0);
        expect(await axeFindings(page)).toEqual([]);
        if (viewport === WIDE) expect((await page.pdf()).byteLength).toBeGreaterThan(10_000);
      });
  });

  test('shows hostile names as text', async () => {
    const hostile = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>';
    const spoilt: unknown = JSON.parse(reports[kind].json, (key, value: unknown) =>
      typeof value === 'string' && key !== 'kind' ? `${value}${hostile}` : value,
    );
    await withReport([kind, JSON.stringify(spoilt)], {}, async (page) => {
      await page.locator('h1').waitFor();
      expect(await page.textContent('#main')).toContain(hostile);
      expect(await page.locator('img').count()).toBe(0);
      expect(await page.title()).toBe('Headrace report');
    });
  });
});

test('the page of a report says without script where its figures are', () =>
  withReport(['cost', reports.cost.json], { javaScriptEnabled: false }, async (page) => {
    const line = page.locator('noscript');
    expect(await line.textContent()).toContain('Its figures are the JSON in this file');
    expect(await line.boundingBox(), 'it is shown').not.toBeNull();
  }));

test('a notebook shows the page in a frame that runs it, and that has no origin', async () => {
  const path = join(folder, 'cost.html');
  writeFileSync(path, reportPage('cost', reports.cost.json));
  // The module of reports alone: the package needs more than this machine's Python has.
  const program = [
    'import sys, types',
    "package = types.ModuleType('headrace')",
    'package.__path__ = [sys.argv[2]]',
    "sys.modules['headrace'] = package",
    'from headrace._reports import Report',
    'print(Report({}, open(sys.argv[1]).read())._repr_html_())',
  ].join('\n');
  const words = ['-c', program, path, `${root}/clients/python/src/headrace`];
  const { code, stdout, output } = await runCommand('python3', words);
  expect(code, output).toBe(0);
  const page = await browser.newPage();
  try {
    await page.setContent(stdout);
    const frame = page.frameLocator('iframe');
    await frame.getByRole('heading', { name: /^Training cost: / }).waitFor();
    expect(await frame.locator('main').evaluate('self.origin')).toBe('null');
  } finally {
    await page.close();
  }
});
