import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Request } from 'playwright-core';
import { chromiumPath, hasRead, launchBrowser, WIDE } from '../test/services/browser.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { pacedLoad } from './paced-load.ts';

const ROUNDS = 3;
/** Windows at idle priority wait for the machine. */
const LONGEST_MS = 600_000;
const PER_SECOND = Number(process.env['HEADRACE_BENCH_RATE'] ?? 100);
const ROUND_MS = Number(process.env['HEADRACE_BENCH_ROUND_MS'] ?? 15_000);
/** The pages of the ten open consoles. */
const PATHS = ['/', '/', '/', '/features', '/sources', '/models', '/rollouts', '/inference', '/drift', '/operations'];

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

/** A GET of a page, and when it came. */
interface Read {
  readonly path: string;
  readonly afterMs: number;
}

/**
 * The same load without consoles, with ten open windows, and with all that ten windows ask, without a browser. The browser has idle
 * priority: it takes no processor time that the server or the load wants. Rounds are in turn.
 */
export async function compareLoads(server: Server, { withBrowser }: { readonly withBrowser: boolean }): Promise<void> {
  const reads = await recorded(server.url);
  const folder = mkdtempSync(join(tmpdir(), 'headrace-idle-browser-'));
  const browser = withBrowser ? await launchBrowser({ executablePath: idleProgram(folder) }) : null;
  try {
    const kept = { none: [] as Round[], windows: [] as Round[], reads: [] as Round[] };
    for (let n = 0; n < ROUNDS; n += 1) {
      kept.none.push(await round(server));
      if (browser !== null) kept.windows.push(await withWindows(browser, server));
      kept.reads.push(await withReads(reads, server));
    }
    if (browser !== null) print('ten consoles open', kept.windows, kept.none);
    print('the reads of ten consoles', kept.reads, kept.none);
  } finally {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program that runs the browser in the scheduling class `SCHED_IDLE`, with all its processes. */
function idleProgram(folder: string): string {
  const path = join(folder, 'idle-browser');
  writeFileSync(path, `#!/bin/sh\nexec chrt -i 0 '${chromiumPath()}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** What ten windows ask within a round, those that stay open included. */
async function recorded(url: string): Promise<readonly Read[]> {
  const browser = await launchBrowser();
  const reads: Read[] = [];
  const begun = performance.now();
  const note = (request: Request) => {
    const { pathname, search } = new URL(request.url());
    const isRead = request.method() === 'GET' && /^\/v[12]\//.test(pathname);
    if (isRead) reads.push({ path: pathname + search, afterMs: performance.now() - begun });
  };
  await opened(browser, url, note, () => new Promise((resolve) => setTimeout(resolve, ROUND_MS)));
  await browser.close();
  return reads;
}

async function opened<T>(
  browser: Browser,
  url: string,
  note: (request: Request) => void,
  work: () => Promise<T>,
): Promise<T> {
  const contexts = await Promise.all(PATHS.map(() => browser.newContext({ viewport: WIDE })));
  try {
    for (const [i, context] of contexts.entries()) {
      const page = await context.newPage();
      page.on('request', note);
      await page.goto(`${url}/#${PATHS[i]}`);
      await hasRead(page, LONGEST_MS);
    }
    return await work();
  } finally {
    await Promise.all(contexts.map((context) => context.close()));
  }
}

function withWindows(browser: Browser, server: Server): Promise<Round> {
  return opened(
    browser,
    server.url,
    () => undefined,
    () => round(server),
  );
}

/** Asks the same at the same instants of the round, and reads the streams as they come. */
async function withReads(reads: readonly Read[], server: Server): Promise<Round> {
  const ending = new AbortController();
  const scale = ROUND_MS / Math.max(ROUND_MS, ...reads.map(({ afterMs }) => afterMs));
  const asking = reads.map(async ({ path, afterMs }) => {
    await new Promise((resolve) => setTimeout(resolve, afterMs * scale));
    const { body } = await fetch(server.url + path, { signal: ending.signal });
    for await (const _ of body ?? []);
  });
  const all = Promise.allSettled(asking);
  const measured = await round(server);
  ending.abort();
  await all;
  return measured;
}

interface Round {
  readonly p99Ms: number;
  readonly cpuMsPerS: number;
}

async function round({ url, child }: Server): Promise<Round> {
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

function print(what: string, some: readonly Round[], none: readonly Round[]): void {
  for (const [name, unit, of, atMost] of [
    [`p99 of features at ${PER_SECOND} requests/s, ${what}`, 'ms', ({ p99Ms }: Round) => p99Ms, 1.1],
    [`CPU of the server at ${PER_SECOND} requests/s, ${what}`, 'ms/s', ({ cpuMsPerS }: Round) => cpuMsPerS, null],
  ] as const)
    printFigure({
      name,
      unit,
      value: median(some.map(of)),
      yardstick: 'none open',
      yardstickValue: median(none.map(of)),
      aim: atMost === null ? null : { of: 'ratio', atMost },
    });
}

/** User and system time of a process, ms: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms. */
function cpuMs({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
