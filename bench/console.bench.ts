import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { buildConsole } from '../scripts/build-console.ts';
import { chromium } from '../scripts/services/chromium.ts';
import { mlflow3 } from '../scripts/services/mlflow.ts';
import { launchBrowser, WIDE } from '../test/services/browser.ts';
import { compareLoads } from './console-load.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { withServices } from './services.ts';

/**
 * The console next to MLflow's own pages, with the same runs in the same browser: from the address to the table, and from a filter to
 * its rows. Then what ten open consoles cost a server that answers a paced load.
 */
process.env['HEADRACE_BENCH_RUNS'] ??= '10000';
const { kill, official, RUNS } = await import('./mlflow-sites.ts');

const REPEATS = 3;
/** `pages` or `load`: that part alone; `reads`: the load without open windows, on a machine that does other work. */
const ONLY = process.env['HEADRACE_BENCH_ONLY'];
const WITHOUT_PAGES = ONLY === 'load' || ONLY === 'reads';

/** A page of runs. */
interface RunPage {
  readonly name: string;
  readonly address: string;
  /** Waits until the runs are there. */
  readonly shown: (page: Page) => Promise<void>;
  /** Asks for the runs of depth 6 with an AUC above 0.95, and waits for them: one in two hundred. */
  readonly filtered: (page: Page) => Promise<void>;
}

const found = Math.round(RUNS / 200);

await withServices(WITHOUT_PAGES ? [chromium] : [chromium, mlflow3], async (told) => {
  Object.assign(process.env, told);
  const built = await buildConsole();
  if (built.code !== 0) throw new Error(built.output);
  const here = await started();
  const browser = await launchBrowser();
  try {
    if (!WITHOUT_PAGES) {
      const other = await official('mlflow 3.17.2', told['MLFLOW_3'] ?? '');
      try {
        await comparePages(browser, ours(here.url), theirs(other.url));
      } finally {
        kill([other]);
      }
    }
    if (ONLY !== 'pages') await compareLoads(here, { withBrowser: ONLY !== 'reads' });
  } finally {
    await browser.close();
    here.child.kill('SIGTERM');
  }
});
process.exit(0);

async function started(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const program = new URL('./console-server.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, `${RUNS}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) return { url: line, child };
  throw new Error('the server ended');
}

function ours(url: string): RunPage {
  const count = RUNS.toLocaleString('en');
  return {
    name: 'headrace',
    address: `${url}/#/models`,
    shown: (page) => page.getByText(`${count} of ${count} runs`).waitFor(),
    filtered: async (page) => {
      await page.getByLabel('Filter runs').fill('auc>0.95 depth=6');
      await page.getByText(`${found} of ${count} runs`).waitFor();
    },
  };
}

function theirs(url: string): RunPage {
  return {
    name: 'mlflow 3.17.2',
    address: `${url}/#/experiments/0/runs`,
    shown: (page) => page.getByText('matching runs').waitFor(),
    filtered: async (page) => {
      const field = page.getByPlaceholder(/metrics\.rmse/);
      await field.fill("metrics.auc > 0.95 and params.depth = '6'");
      await field.press('Enter');
      await page.getByText(`${found} matching runs`).waitFor();
    },
  };
}

/** Times of the two pages in turn: the median of each. */
async function comparePages(browser: Browser, here: RunPage, other: RunPage): Promise<void> {
  const times = new Map<RunPage, { load: number[]; filter: number[] }>();
  for (let n = 0; n < REPEATS; n += 1)
    for (const page of [here, other]) {
      const kept = times.get(page) ?? { load: [], filter: [] };
      times.set(page, kept);
      const { load, filter } = await timesOf(browser, page);
      kept.load.push(load);
      kept.filter.push(filter);
    }
  for (const [part, name] of [
    ['load', `console, first load to the table of ${RUNS} runs`],
    ['filter', `console, from a filter over ${RUNS} runs to its rows`],
  ] as const)
    printFigure({
      name,
      unit: 'ms',
      value: median(times.get(here)?.[part] ?? []),
      yardstick: other.name,
      yardstickValue: median(times.get(other)?.[part] ?? []),
      aim: { of: 'ratio', atMost: 1 },
    });
}

async function timesOf(browser: Browser, { address, shown, filtered }: RunPage) {
  // A window without a cache: the first visit.
  const context = await browser.newContext({ viewport: WIDE });
  context.setDefaultTimeout(120_000);
  try {
    const page = await context.newPage();
    const begun = performance.now();
    await page.goto(address);
    await shown(page);
    const loaded = performance.now();
    await filtered(page);
    return { load: loaded - begun, filter: performance.now() - loaded };
  } finally {
    await context.close();
  }
}
