import { createServer } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { type CounterName, type CounterShares, contradictions } from '../../src/gpu/analysis/counter-agreement.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';
import { watchDcgm } from '../../src/gpu/watch.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { insertGap } from './captures/alter.ts';
import { scanTrace } from './captures/scan-trace.ts';

const fields: Readonly<Record<CounterName, string>> = {
  util: 'DCGM_FI_DEV_GPU_UTIL',
  engine: 'DCGM_FI_PROF_GR_ENGINE_ACTIVE',
  sm: 'DCGM_FI_PROF_SM_ACTIVE',
  tensor: 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE',
  dram: 'DCGM_FI_PROF_DRAM_ACTIVE',
};

/** What a DCGM exporter prints of counters; those that are undefined are missing. */
function scrape(counters: { readonly [Name in CounterName]?: number | undefined }, gpu = 0): string {
  return (Object.entries(counters) as [CounterName, number | undefined][])
    .filter(([, share]) => share !== undefined)
    .map(([name, share = 0]) => `${fields[name]}{gpu="${gpu}"} ${name === 'util' ? Math.round(100 * share) : share}\n`)
    .join('');
}

function about(text: string) {
  return diagnose([parseText('dcgm', 'scrape.prom', text)]);
}

async function watched(text: string): Promise<readonly string[]> {
  const server = createServer((_, answer) => answer.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const lines: string[] = [];
  const options = { url: `http://127.0.0.1:${port}/metrics`, everyMs: 1, window: 10, scrapes: 1 };
  await watchDcgm(
    options,
    (line) => lines.push(line),
    new Promise(() => {}),
    () => 0,
  );
  server.close();
  return lines;
}

/** For each pair of counters, values that cannot be true at once. */
const pairs: readonly Partial<CounterShares>[] = [
  { util: 0.99, engine: 0.01 },
  { util: 0.99, sm: 0 },
  { util: 0, engine: 0.9 },
  { util: 0, sm: 0.9 },
  { util: 0, tensor: 0.6 },
  { util: 0, dram: 0.7 },
  { engine: 0.99, sm: 0 },
  { engine: 0.2, sm: 0.9 },
  { engine: 0.2, tensor: 0.9 },
  { engine: 0, dram: 0.9 },
  { sm: 0.2, tensor: 0.9 },
  { sm: 0, dram: 0.9 },
  { tensor: 0.9, dram: 0 },
  { util: 0.99, engine: 0, sm: 0, tensor: 0, dram: 0 },
];

for (const pair of pairs)
  test(`counters that contradict each other are no evidence, in diagnose and in watch: ${JSON.stringify(pair)}`, async () => {
    const { verdict, reasons } = about(scrape(pair));
    expect(verdict).toBe('not enough evidence');
    expect(reasons[0]).toContain('the counters disagree');
    const [, text] = await watched(scrape(pair));
    expect(reasons[0]).toContain(text);
  });

test('a saturated GPU does not contradict itself', async () => {
  const text = scrape({ util: 1, engine: 0.996, sm: 0.97, tensor: 0.9, dram: 0.7 });
  expect(about(text)).toMatchObject({ verdict: 'healthy', summary: expect.stringMatching(/^Busy now/) });
  expect(await watched(text)).toHaveLength(1);
});

const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
const counters = fc.record({ util: share, engine: share, sm: share, tensor: share, dram: share });

test('a scrape is healthy only if every counter that it has shows a busy GPU', () => {
  fc.assert(
    fc.property(fc.array(counters, { maxLength: 3 }), (devices) => {
      const { verdict } = about(devices.map((one, gpu) => scrape(one, gpu)).join(''));
      if (verdict !== 'healthy') return;
      for (const { util = 1, engine = 1, sm = 1 } of devices.filter((one) =>
        Object.values(one).some((value) => value !== undefined),
      ))
        expect(Math.min(util + 0.005, engine, sm)).toBeGreaterThanOrEqual(0.8);
    }),
    { numRuns: 300 },
  );
});

test('a contradiction does not depend on a counter that is missing', () => {
  fc.assert(
    fc.property(counters, (one) => {
      const whole = { util: Number.NaN, engine: Number.NaN, sm: Number.NaN, tensor: Number.NaN, dram: Number.NaN };
      for (const [name, value] of Object.entries(one)) if (value !== undefined) whole[name as CounterName] = value;
      for (const { high, low } of contradictions(whole))
        expect(Number.isNaN(whole[high]) || Number.isNaN(whole[low])).toBe(false);
    }),
  );
});

test('sampled utilisation is healthy only if the GPU is busy all the time by every counter', () => {
  const sampled = (util: readonly number[], more: string, values: string) =>
    diagnose([
      parseText('dmon', 'dmon.txt', `# gpu sm mem ${more}\n${util.map((sm) => ` 0 ${sm} 50 ${values}\n`).join('')}`),
    ]);
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.integer({ min: 60, max: 100 }), (idle, busy) => {
      const util = Array.from({ length: 200 }, (_, at) => (((at * 61) % 200) / 200 < idle ? 0 : busy));
      expect(sampled(util, '', '').verdict).not.toBe('healthy');
    }),
    { numRuns: 30 },
  );
  const full = Array.from({ length: 100 }, () => 99);
  expect(sampled(full, '', '').verdict).toBe('not enough evidence');
  expect(sampled(full, 'smutil mmaact dram', '93 70 60').verdict).toBe('healthy');
  expect(sampled(full, 'smutil mmaact dram', '60 20 20').verdict).toBe('not enough evidence');
  expect(sampled(full, 'smutil mmaact dram', '0 0 0').reasons[0]).toContain('the counters disagree');
});

test('sums of nsys stats are never healthy, whatever they say', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e8 }), (instances, mean) => {
      const text = `Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name\n100.0,${instances * mean},${instances},${mean},${mean},${mean},${mean},0,gemm\n`;
      expect(diagnose([parseText('nsys-kernel-csv', 'sums.csv', text)]).verdict).not.toBe('healthy');
    }),
    { numRuns: 50 },
  );
});

test('records of a scheduler and a fabric without a reference are never healthy', () => {
  const sacct =
    'JobID|State|Start|End|ElapsedRaw|AllocTRES\n1|COMPLETED|2026-01-05T00:00:00|2026-01-05T01:00:00|3600|gres/gpu=1\n';
  expect(diagnose([parseText('sacct', 'jobs.psv', sacct)]).verdict).toBe('not enough evidence');
  expect(diagnose([parseText('sacct', 'jobs.psv', sacct.replace('gres/gpu=1', 'cpu=4'))]).reasons[0]).toContain(
    'AllocTRES',
  );
});

test('gaps that no finding covers are reported, however many causes share them', () => {
  const frames = [
    { cat: 'python_function', name: 'train.py(10): step', tid: 100, pid: 4242 },
    {
      cat: 'user_annotation',
      name: 'enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__',
      tid: 100,
      pid: 4242,
    },
    { cat: 'python_function', name: 'torch/serialization.py(1): save', tid: 100, pid: 4242 },
    { cat: 'cuda_runtime', name: 'cudaMalloc', tid: 100, pid: 4242 },
  ];
  fc.assert(
    fc.property(fc.double({ min: 0.015, max: 0.045, noNaN: true }), fc.integer({ min: 1, max: 1e6 }), (part, seed) => {
      const options = { fault: 'none', share: 0, steps: 5, kernelsPerStep: 40, kernelUs: 80, ranks: 1 } as const;
      let [capture] = trainingRun({ ...options, random: seededRandom(seed) });
      const marks = capture.events.filter(({ name }) => name.startsWith('ProfilerStep#')).map(({ ts }) => ts);
      // Each cause takes a few percent of each step, at its beginning, where the GPU has run dry.
      for (const ts of marks.toReversed())
        for (const frame of frames) capture = insertGap(capture, ts + 1, part * 40 * 80, frame);
      const trace = scanTrace(new TextEncoder().encode(captureJson(capture)));
      const { verdict, traces, findings, reasons } = diagnose([{ kind: 'trace', path: 'x', trace }]);
      const { idleUs, totalUs } = traces[0].decomposition;
      if (idleUs / totalUs < 0.06) return;
      expect(verdict).not.toBe('healthy');
      expect(findings.length + reasons.length).toBeGreaterThan(0);
    }),
    { numRuns: 20 },
  );
});
