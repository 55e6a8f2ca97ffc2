import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHeadrace, startServer } from 'headrace';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { buildConsole } from '../scripts/build-console.ts';
import { chromium } from '../scripts/services/chromium.ts';
import { seededRandom } from '../src/base/rng.ts';
import { captureJson } from '../src/labs/captures/capture.ts';
import { trainingRun } from '../src/labs/captures/training-run.ts';
import { launchBrowser, WIDE } from '../test/services/browser.ts';
import { printFigure } from './figure.ts';
import { perfettoSite } from './perfetto-site.ts';
import { withServices } from './services.ts';
import { shop } from './shop.ts';

/** The time line of a trace of 200,000 events in the page GPU: zoomed and dragged in each of 300 frames. */
const EVENTS = Number(process.env['HEADRACE_BENCH_EVENTS'] ?? 200_000);
const FRAMES = 300;
/** Time of a frame at 60 frames a second, ms. */
const FRAME_MS = 1_000 / 60;

/** Zooms by the wheel to a thousandth and back, and drags, as a hand does: several events in a frame. */
const MOVE = `
  const canvas = document.querySelector('canvas');
  const { left, top, width } = canvas.getBoundingClientRect();
  const at = { bubbles: true, clientX: left + (width * (i % 40)) / 40, clientY: top + 20 };
  const wheel = { ...at, deltaY: i % 60 < 30 ? -1 : 1, shiftKey: true };
  canvas.dispatchEvent(new WheelEvent('wheel', wheel));
  if (i % 40 === 0) canvas.dispatchEvent(new PointerEvent('pointerdown', at));
  canvas.dispatchEvent(new PointerEvent('pointermove', at));
  canvas.dispatchEvent(new PointerEvent('pointermove', { ...at, clientX: at.clientX + 2 }));
  if (i % 40 === 39) canvas.dispatchEvent(new PointerEvent('pointerup', at));`;

await withServices([chromium], async (told) => {
  Object.assign(process.env, told);
  const built = await buildConsole();
  if (built.code !== 0) throw new Error(built.output);
  const directory = mkdtempSync(join(tmpdir(), 'headrace-gpu-frames-'));
  const headrace = await openHeadrace({ project: shop, environment: { directory } });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB' });
  const browser = await launchBrowser();
  try {
    const context = await browser.newContext({ viewport: WIDE });
    context.setDefaultTimeout(600_000);
    const page = await context.newPage();
    const made = trace();
    const firstMs = await firstPicture(page, server.url, made.text);
    const frames = await movedFrames(page);
    await context.close();
    printFigure({
      name: `GPU page: a raw trace of ${made.events.toLocaleString('en')} events to its first picture`,
      unit: 's',
      value: firstMs / 1_000,
      yardstick: 'Perfetto 52',
      yardstickValue: (await firstOfPerfetto(browser, made.text)) / 1_000,
      aim: null,
    });
    print(frames);
  } finally {
    await browser.close();
    await server.close();
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
process.exit(0);

/** One rank whose steps have as many kernels as make the events. */
function trace(): { readonly text: string; readonly events: number } {
  const run = { fault: 'none', share: 0.3, steps: 4, kernelUs: 20, ranks: 1 } as const;
  const eventsOf = (kernelsPerStep: number) => trainingRun({ ...run, kernelsPerStep, random: seededRandom(4) })[0];
  const perKernel = (eventsOf(200)?.events.length ?? 1) / 200;
  const capture = eventsOf(Math.ceil(EVENTS / perKernel));
  if (capture === undefined) throw new Error('no capture');
  return { text: captureJson(capture), events: capture.events.length };
}

async function firstPicture(page: Page, url: string, text: string): Promise<number> {
  const begun = performance.now();
  await page.goto(`${url}/#/gpu`);
  const file = { name: 'rank-0.json', mimeType: 'application/json', buffer: Buffer.from(text) };
  await page.getByLabel(/raw files/i).setInputFiles(file);
  await page.locator('canvas').first().waitFor();
  await page.evaluate(inFrames(2, ''));
  return performance.now() - begun;
}

/** The same trace in Perfetto's own page: from the address to its first track. */
async function firstOfPerfetto(browser: Browser, text: string): Promise<number> {
  const site = await perfettoSite(text);
  const context = await browser.newContext({ viewport: WIDE });
  context.setDefaultTimeout(600_000);
  try {
    const page = await context.newPage();
    const begun = performance.now();
    await page.goto(site.address);
    await page.locator('.pf-track__canvas').first().waitFor({ state: 'attached' });
    await page.evaluate(inFrames(2, ''));
    return performance.now() - begun;
  } finally {
    await context.close();
    site.close();
  }
}

/** A script that runs a text in each of some frames, and gives the times between frames, ms. */
function inFrames(frames: number, text: string): string {
  return `new Promise((resolve) => {
    const times = [];
    let [i, before] = [0, performance.now()];
    const next = (now) => {
      times.push(now - before);
      before = now;
      if (i >= ${frames}) return resolve(times.slice(1));
      ${text}
      i += 1;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  })`;
}

interface Frames {
  /** Processor time of the page's thread for a frame, ms. */
  readonly scriptMs: number;
  readonly taskMs: number;
  /** Times between frames, ms. */
  readonly times: readonly number[];
}

async function movedFrames(page: Page): Promise<Frames> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.evaluate(inFrames(30, MOVE));
  const before = await metricsOf(session);
  const times = await page.evaluate<readonly number[]>(inFrames(FRAMES, MOVE));
  const after = await metricsOf(session);
  const each = (name: string) => (1_000 * ((after.get(name) ?? 0) - (before.get(name) ?? 0))) / FRAMES;
  return { scriptMs: each('ScriptDuration'), taskMs: each('TaskDuration'), times };
}

async function metricsOf(session: CDPSession): Promise<ReadonlyMap<string, number>> {
  const { metrics } = await session.send('Performance.getMetrics');
  return new Map(metrics.map(({ name, value }) => [name, value]));
}

function print({ scriptMs, taskMs, times }: Frames): void {
  const frame = { unit: 'ms', yardstick: 'a frame of 60 a second', yardstickValue: FRAME_MS } as const;
  const sorted = times.toSorted((a, b) => a - b);
  const name = (part: string) => `GPU time line of ${EVENTS.toLocaleString('en')} events, zoomed and dragged: ${part}`;
  printFigure({ name: name('script of a frame'), ...frame, value: scriptMs, aim: { of: 'ratio', atMost: 1 } });
  printFigure({ name: name('page thread of a frame'), ...frame, value: taskMs, aim: { of: 'ratio', atMost: 1 } });
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  printFigure({ name: name('time between frames, median'), ...frame, value: median, aim: null });
}
