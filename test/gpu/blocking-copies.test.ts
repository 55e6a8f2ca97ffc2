import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { kernelVerdict } from '../../src/gpu/analysis/ncu-verdict.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { parseNcu } from '../../src/gpu/readers/ncu.ts';
import { htaNumbers } from '../../src/gpu/scopes/hta.ts';
import { type Capture, type CaptureEvent, captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, trainingRun } from '../../src/labs/captures/training-run.ts';
import { insertGap } from './captures/alter.ts';
import { kernelMeasures } from './captures/counters.ts';
import { scanTrace } from './captures/scan-trace.ts';

function run(fault: FaultKind, share: number, seed: number): Capture {
  const [capture] = trainingRun({
    fault,
    share,
    steps: 6,
    kernelsPerStep: 40,
    kernelUs: 80,
    ranks: 1,
    random: seededRandom(seed),
  });
  return capture;
}

function about(capture: Capture) {
  return diagnose([{ kind: 'trace', path: 'x', trace: scanTrace(new TextEncoder().encode(captureJson(capture))) }]);
}

/** The waits of stream synchronisation are inside of the copies before them, as with pageable memory. */
function waitsInCopies(capture: Capture, call: string): Capture {
  const events: CaptureEvent[] = [];
  for (const event of capture.events) {
    const copy = events.findLastIndex(({ name }) => name === call);
    if (event.name === 'cudaStreamSynchronize' && copy >= 0) {
      const start = events[copy].ts;
      events[copy] = { ...events[copy], dur: event.ts + event.dur - start - 1 };
      events.push({ ...event, ts: event.ts + event.dur - 0.5, dur: 0.5 });
    } else events.push(event.name === 'cudaMemcpyAsync' ? { ...event, name: call } : event);
  }
  return { ...capture, events };
}

const asynchronous = ['cudaMemcpyAsync', 'hipMemcpyAsync', 'cuMemcpyDtoHAsync_v2', 'cudaMemcpy2DAsync'];

for (const call of asynchronous)
  test(`a host that waits in ${call} reads back as one that waits for the stream`, () => {
    fc.assert(
      fc.property(fc.double({ min: 0.15, max: 0.7, noNaN: true }), fc.integer({ min: 1, max: 1e6 }), (share, seed) => {
        const capture = run('hidden-sync', share, seed);
        const [first] = about(waitsInCopies(capture, call)).findings;
        const [wanted] = about(capture).findings;
        expect(first.cause).toBe('hidden-sync');
        expect(Math.abs((first.shareOfStep ?? 0) - (wanted.shareOfStep ?? 0))).toBeLessThan(0.02);
      }),
      { numRuns: 8 },
    );
  });

/** In each step submitted work waits once while the host is in `call`; no other call of the step waits. */
function queuedBehind(call: string, share: number, seed: number, pageable: boolean): Capture {
  const plain = run('none', 0, seed);
  const waits = /Synchronize|item|clip_if_needed/;
  let capture: Capture = { ...plain, events: plain.events.filter(({ name }) => !waits.test(name)) };
  const steps = capture.events.filter(({ name }) => name.startsWith('ProfilerStep#'));
  const us = (40 * 80 * share) / (1 - share);
  for (const { ts } of steps.toReversed()) {
    const kernels = capture.events.filter(({ cat, ts: start }) => cat === 'kernel' && start > ts);
    const at = kernels[20].ts - 0.3;
    capture = insertGap(capture, at, us, { cat: 'cuda_runtime', name: call, tid: 100, pid: 4242 });
    if (!pageable) continue;
    const wait = capture.events.at(-1);
    if (wait === undefined) throw new Error('no call');
    const copy = { ...wait, cat: 'gpu_memcpy', name: 'Memcpy DtoH (Device -> Pageable)', dur: 1, pid: 0, tid: 9 };
    const args = { correlation: 900_000 + Math.round(ts % 1e5) };
    capture = {
      ...capture,
      events: [
        ...capture.events.slice(0, -1),
        { ...wait, args },
        { ...copy, ts: wait.ts + us - 1, args: { ...args, device: 0, stream: 9, bytes: 1 << 20 } },
      ],
    };
  }
  return capture;
}

for (const call of [...asynchronous, 'cudaMemcpy', 'hipMemcpyWithStream', 'cudaDeviceSynchronize'])
  test(`work that is queued while the host is in ${call} is a hidden synchronisation`, () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 0.7, noNaN: true }),
        fc.boolean(),
        fc.integer({ min: 1, max: 1e6 }),
        (share, pageable, seed) => {
          const { findings } = about(queuedBehind(call, share, seed, pageable && call.endsWith('Async')));
          expect(findings[0]).toMatchObject({ cause: 'hidden-sync', severity: 'warning' });
          expect(Math.abs((findings[0].shareOfStep ?? 0) - share)).toBeLessThan(0.06);
          expect(findings[0].evidence.flatMap(({ events = [] }) => events)).toContain(call);
        },
      ),
      { numRuns: 6 },
    );
  });

test('work that is queued while the host launches, or copies for a moment, is no hidden synchronisation', () => {
  for (const call of ['cudaLaunchKernel', 'cudaEventRecord'])
    expect(about(queuedBehind(call, 0.4, 3, false)).findings.map(({ cause }) => cause)).not.toContain('hidden-sync');
});

test('no published gain is quoted for a fix that is in place', () => {
  const rename = (name: string) => {
    const capture = run('transfer', 0.35, 4);
    const events = capture.events.map((event) => (event.name.startsWith('Memcpy HtoD') ? { ...event, name } : event));
    return about({ ...capture, events }).findings[0];
  };
  expect(rename('Memcpy HtoD (Pageable -> Device)').expected).toContain('pin_memory');
  for (const name of [
    'Memcpy HtoD (Pinned -> Device)',
    'Memcpy DtoD (Device -> Device)',
    'Memcpy PtoP (Device -> Device)',
  ])
    expect(rename(name)).toMatchObject({ cause: 'hidden-sync', expected: 'ceiling only, no comparable measurement' });
  const slow = run('launch-overhead', 0.4, 5);
  const graphs = slow.events.map((event) =>
    event.name === 'cudaLaunchKernel' ? { ...event, name: 'cudaGraphLaunch' } : event,
  );
  expect(about(slow).findings[0].expected).toContain('CUDA graphs');
  expect(about({ ...slow, events: graphs }).findings[0].expected).not.toContain('published');
});

describe('levels of memory', () => {
  const level = (metrics: Readonly<Record<string, number>>) => {
    const [kernel] = parseNcu(kernelMeasures());
    return kernelVerdict({ ...kernel, rules: [], metrics: new Map(Object.entries(metrics)) });
  };
  const percent = fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined });
  test('a level is named only if no other one could be used more', () => {
    fc.assert(
      fc.property(percent, percent, percent, fc.double({ min: 70, max: 79, noNaN: true }), (l1, l2, dram, memory) => {
        const known = Object.entries({
          'L1/TEX Cache Throughput': l1,
          'L2 Cache Throughput': l2,
          'DRAM Throughput': dram,
        });
        const told = known.flatMap(([name, value]) =>
          value === undefined ? [] : [[name, Math.min(value, memory)] as const],
        );
        const { verdict, memoryLevel } = level({
          'Compute (SM) Throughput': 20,
          'Memory Throughput': memory,
          ...Object.fromEntries(told),
        });
        expect(verdict).toBe('memory');
        if (l2 === undefined) expect(memoryLevel).toBeUndefined();
        if (memoryLevel === undefined) return;
        const most = Math.max(...told.map(([, value]) => value));
        expect(told.find(([, value]) => value === most)?.[0]).toContain(memoryLevel);
        if (told.length < 3) expect(most).toBeCloseTo(memory, 0);
      }),
    );
  });
});

test('the scope of HTA keeps what was launched before the last step begins, whatever the calls are called', () => {
  for (const prefix of ['cuda', 'hip']) {
    const capture = run('none', 0, 7);
    const steps = capture.events.filter(({ name }) => name.startsWith('ProfilerStep#'));
    const before = steps[0].ts - 500;
    const last = steps[steps.length - 1].ts;
    const events: CaptureEvent[] = [
      ...capture.events.map((event) => ({ ...event, name: event.name.replace(/^cuda/, prefix) })),
      // One kernel before the first step, and the marks of the GPU's side, which are no steps of the host.
      {
        ph: 'X',
        cat: 'cuda_runtime',
        name: `${prefix}LaunchKernel`,
        pid: 4242,
        tid: 100,
        ts: before,
        dur: 3,
        args: { correlation: 999_999 },
      },
      {
        ph: 'X',
        cat: 'kernel',
        name: 'gemm',
        pid: 0,
        tid: 7,
        ts: before + 10,
        dur: 40,
        args: { device: 0, stream: 7, correlation: 999_999 },
      },
      ...steps.map((step) => ({ ...step, cat: 'gpu_user_annotation', pid: 0, tid: 7, ts: step.ts + 400 })),
    ];
    const launched = new Map(
      events.filter(({ cat }) => cat === 'cuda_runtime').map(({ args, ts }) => [args['correlation'], ts]),
    );
    const kept = events.filter(
      ({ cat, args }) => /^(kernel|gpu_mem)/.test(cat) && (launched.get(args['correlation']) ?? Infinity) < last,
    );
    const time = Math.max(...kept.map(({ ts, dur }) => ts + dur)) - Math.min(...kept.map(({ ts }) => ts));
    const trace = scanTrace(new TextEncoder().encode(captureJson({ ...capture, events })));
    expect(htaNumbers(trace).find(({ name }) => name === 'kernel_time')?.value).toBeCloseTo(time, 2);
  }
});

test('a last step that was cut off is left out, of two steps as of many', () => {
  const capture = run('none', 0, 8);
  const steps = capture.events.filter(({ name }) => name.startsWith('ProfilerStep#'));
  for (const count of [2, 3, 5]) {
    const until = steps[count - 1].ts + 60;
    const events = capture.events
      .filter(({ ts }) => ts < until)
      .map((event) => ({ ...event, dur: Math.min(event.dur, Math.max(until - event.ts, 1)) }));
    const [{ steps: told, stepUs }] = about({ ...capture, events }).traces;
    expect(told[count - 1].leftOut).toContain('cut off');
    expect(stepUs).toBeGreaterThan(2000);
  }
});

const readBackCopy = /DtoH/;

/** Copies of such a name take longer, and all that follows is later. */
function slowCopies(capture: Capture, name: RegExp, us: number): Capture {
  const copies = capture.events.filter((event) => event.cat === 'gpu_memcpy' && name.test(event.name));
  const frame = { cat: 'python_function', name: 'train.py(9): wait', tid: 100, pid: 4242 };
  return copies.reduceRight((slower, { ts, dur }) => insertGap(slower, ts + dur / 2, us, frame), capture);
}

test('the copy that begins a read-back gap counts with the gap, and not as an exposed copy as well', () => {
  const capture = slowCopies(run('hidden-sync', 0.35, 21), readBackCopy, 40);
  const { findings, traces } = about(capture);
  const [{ decomposition: sum, stepUs }] = traces;
  expect(sum.exposedCopyUs / sum.totalUs).toBeGreaterThan(0.05);
  expect(findings.map(({ title }) => title.replace(/:.*/, ''))).toEqual([
    "reading results back empties the GPU's queue",
  ]);
  expect(findings[0].recoverableUs ?? 0).toBeGreaterThan(
    (0.9 * (sum.idleUs + sum.exposedCopyUs) * stepUs) / sum.totalUs,
  );
  expect(findings[0].recoverableUs ?? stepUs).toBeLessThan(((sum.idleUs + sum.exposedCopyUs) * stepUs) / sum.totalUs);
});

test('exposed copies next to read-backs are reported without the copies that the read-backs hold', () => {
  const capture = slowCopies(slowCopies(run('hidden-sync', 0.35, 22), readBackCopy, 60), /HtoD/, 500);
  const { findings, traces } = about(capture);
  const copies = findings.find(({ title }) => title.startsWith('copies that no computation hides'));
  expect(copies?.title).toContain('HtoD');
  expect((copies?.recoverableUs ?? 0) / 513).toBeCloseTo(1, 1);
  expect(copies?.evidence.filter(({ what }) => readBackCopy.test(what))).toEqual([]);
  const [{ decomposition: sum, stepUs }] = traces;
  const lost = ((sum.idleUs + sum.exposedCopyUs) * stepUs) / sum.totalUs;
  expect(findings.reduce((us, { recoverableUs }) => us + (recoverableUs ?? 0), 0)).toBeLessThan(lost);
});

test('small copies that kernels hide are no part of what read-backs cost', () => {
  const capture = run('hidden-sync', 0.35, 23);
  const hidden = capture.events
    .filter(({ cat }) => cat === 'kernel')
    .map((kernel) => ({
      ...kernel,
      cat: 'gpu_memcpy',
      name: 'Memcpy DtoH (Device -> Pinned)',
      ts: kernel.ts + 2,
      dur: 20,
      args: { device: 0, stream: 9, bytes: 4 },
    }));
  const [plain] = about(capture).findings;
  const [beside] = about({ ...capture, events: [...capture.events, ...hidden] }).findings;
  expect(beside.title).toContain('reading results back');
  expect((beside.recoverableUs ?? 0) / (plain.recoverableUs ?? 1)).toBeCloseTo(1, 2);
});
