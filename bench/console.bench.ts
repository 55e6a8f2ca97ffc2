import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { buildConsole } from '../scripts/build-console.ts';
import { chromium } from '../scripts/services/chromium.ts';
import { mlflow3 } from '../scripts/services/mlflow.ts';
import { launchBrowser, WIDE } from '../test/services/browser.ts';
import { printFigure } from './figure.ts';
import { pacedLoad } from './paced-load.ts';
import { withServices } from './services.ts';

/**
 * The console next to MLflow's own pages, with the same runs in the same browser: from the address to the table, and from a filter to
 * its rows. Then what ten open consoles cost a server that answers a paced load.
 */
process.env['HEADRACE_BENCH_RUNS'] ??= '10000';
const { kill, official, RUNS } = await import('./mlflow-sites.ts');

const REPEATS = 3;
/** `pages` or `load`: that part alone. */
const ONLY = process.env['HEADRACE_BENCH_ONLY'];
const CONSOLES = 10;
const PER_SECOND = Number(process.env['HEADRACE_BENCH_RATE'] ?? 100);
const ROUND_MS = Number(process.env['HEADRACE_BENCH_ROUND_MS'] ?? 15_000);

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

await withServices([chromium, mlflow3], async (told) => {
  Object.assign(process.env, told);
  const built = await buildConsole();
  if (built.code !== 0) throw new Error(built.output);
  const here = await started();
  const browser = await launchBrowser();
  try {
    if (ONLY !== 'load') {
      const other = await official('mlflow 3.17.2', told['MLFLOW_3'] ?? '');
      try {
        await comparePages(browser, ours(here.url), theirs(other.url));
      } finally {
        kill([other]);
      }
    }
    if (ONLY !== 'pages') await compareLoads(browser, here);
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

/** Rounds of the same load in turn without and with consoles. */
async function compareLoads(browser: Browser, here: { readonly url: string; readonly child: ChildProcess }) {
  const kept = { without: [] as Round[], with: [] as Round[] };
  for (let n = 0; n < REPEATS; n += 1) {
    kept.without.push(await round(here));
    const contexts = await Promise.all(Array.from({ length: CONSOLES }, () => browser.newContext({ viewport: WIDE })));
    for (const context of contexts) await (await context.newPage()).goto(`${here.url}/#/`);
    kept.with.push(await round(here));
    await Promise.all(contexts.map((context) => context.close()));
  }
  const middle = (rounds: readonly Round[], of: (round: Round) => number) => median(rounds.map(of));
  printFigure({
    name: `p99 of features at ${PER_SECOND} requests/s, ten consoles open`,
    unit: 'ms',
    value: middle(kept.with, ({ p99Ms }) => p99Ms),
    yardstick: 'none open',
    yardstickValue: middle(kept.without, ({ p99Ms }) => p99Ms),
    aim: { of: 'ratio', atMost: 1.1 },
  });
  printFigure({
    name: `CPU of the server at ${PER_SECOND} requests/s, ten consoles open`,
    unit: 'ms/s',
    value: middle(kept.with, ({ cpuMsPerS }) => cpuMsPerS),
    yardstick: 'none open',
    yardstickValue: middle(kept.without, ({ cpuMsPerS }) => cpuMsPerS),
    aim: null,
  });
}

interface Round {
  readonly p99Ms: number;
  readonly cpuMsPerS: number;
}

async function round({ url, child }: { readonly url: string; readonly child: ChildProcess }): Promise<Round> {
  const before = cpuMs(child);
  const { p99Ms, errors } = await pacedLoad({
    url: `${url}/v1/features/shopper`,
    body: Buffer.from(JSON.stringify({ request: { user: 'u7', at: Date.UTC(2026, 0, 10, 14), basket: 12 } })),
    fields: { 'content-type': 'application/json' },
    perSecond: PER_SECOND,
    ms: ROUND_MS,
    mostOpen: 64,
  });
  if (errors > 0) throw new Error(`${errors} requests failed`);
  return { p99Ms, cpuMsPerS: (cpuMs(child) - before) / (ROUND_MS / 1_000) };
}

/** User and system time of a process, ms: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms. */
function cpuMs({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
