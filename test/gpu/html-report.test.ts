import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { htmlReport } from '../../src/gpu/report/html.ts';
import { scaledBlocks } from '../../src/gpu/report/timeline.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, faultKinds, trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from './captures/scan-trace.ts';

const folder = '/data/a very long folder/with-a-name-without-any-space-at-all-that-goes-on-and-on-and-on/traces';

function page(fault: FaultKind, ranks: number, kernelUs = 80): string {
  const captures = trainingRun({
    fault,
    share: 0.4,
    steps: 5,
    kernelsPerStep: 60,
    kernelUs,
    ranks,
    random: seededRandom(2),
  });
  const sources = captures.map((capture) => ({
    kind: 'trace' as const,
    path: `${folder}/rank-${capture.rank}/trace.json`,
    trace: scanTrace(new TextEncoder().encode(captureJson(capture))),
  }));
  return htmlReport(
    diagnose(sources, [
      { path: `${folder}/notes.txt`, code: 'GPU_FORMAT', message: `the file ${folder}/notes.txt has no known format` },
    ]),
  );
}

test('each path is on the page once, and every link has its place', () => {
  for (const fault of faultKinds)
    for (const ranks of [1, 3]) {
      const html = page(fault, ranks);
      for (const path of [...Array.from({ length: ranks }, (_, rank) => `rank-${rank}/trace.json`), 'notes.txt'])
        expect(html.split(`${folder}/${path}`)).toHaveLength(2);
      const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
      const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
      expect(links.length).toBeGreaterThan(3);
      expect(links.filter((id) => !ids.has(id))).toEqual([]);
    }
});

test('findings come before the sections that they were found in', () => {
  const html = page('straggler', 3);
  const at = (text: string) => html.indexOf(text);
  expect(at('id="finding-1"')).toBeGreaterThan(0);
  expect(at('id="trace-1"')).toBeGreaterThan(at('id="finding-1"'));
  expect(at('id="files"')).toBeGreaterThan(at('id="trace-3"'));
});

test('nothing on the page is wider than the page: long words break, drawings scale', () => {
  const html = page('precision', 2);
  expect(html).toMatch(/h1,h2,p,li,td,th,code,summary\{overflow-wrap:anywhere\}/);
  expect(html).toMatch(/svg\{width:100%/);
  // No element but those of the drawings, which scale, has its own width.
  expect([...html.replaceAll(/<svg.*?<\/svg>/g, '').matchAll(/width:(\d+)px/g)].map(([, px]) => Number(px))).toEqual([
    1100,
  ]);
});

/** How much of a lane is painted, 0 to 1. */
function painted(html: string, lane: string): number {
  const [, bars = ''] = html.match(new RegExp(`>${lane}</text><g [^>]*>(.*?)</g>`)) ?? [];
  return [...bars.matchAll(/width="([\d.]+)"/g)].reduce((sum, [, width]) => sum + Number(width), 0) / 980;
}

test('gaps are drawn to scale: many of them that are 1 % of the step are 1 % of the lane', () => {
  for (const kernelUs of [5, 30, 80, 300]) {
    const html = page('none', 1, kernelUs);
    const idle = painted(html, 'idle, nothing submitted') + painted(html, 'idle, work queued');
    const busy = painted(html, 'computation');
    expect(idle + busy + painted(html, 'copies')).toBeCloseTo(1, 1);
    if (kernelUs >= 80) expect(idle).toBeLessThan(0.05);
  }
});

test('blocks are as long together as the intervals, for every number of cells', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ min: 0, max: 50, noNaN: true }), fc.double({ min: 0.001, max: 20, noNaN: true })), {
        maxLength: 200,
      }),
      fc.integer({ min: 1, max: 400 }),
      (pairs, cells) => {
        const starts: number[] = [];
        const ends: number[] = [];
        let at = 1000;
        for (const [gap, length] of pairs) {
          starts.push(at + gap);
          at += gap + length;
          ends.push(at);
        }
        const width = at - 1000 + 1;
        const blocks = scaledBlocks({ starts, ends }, 1000, width, cells);
        const total = (lengths: readonly number[]) => lengths.reduce((sum, length) => sum + length, 0);
        expect(total(blocks.map(([, length]) => length))).toBeCloseTo(total(pairs.map(([, length]) => length)), 0);
        expect(blocks.length).toBeLessThanOrEqual(cells);
        let until = -0.002;
        for (const [from, length] of blocks) {
          expect(from).toBeGreaterThanOrEqual(until - 0.002 - (1e-3 * width) / cells);
          until = from + length;
        }
        expect(until).toBeLessThanOrEqual(width + 0.002 + blocks.length * 0.001);
      },
    ),
    { numRuns: 100 },
  );
});
