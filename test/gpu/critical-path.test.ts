import fc from 'fast-check';
import { expect, test } from 'vitest';
import { criticalPath } from '../../src/gpu/analysis/critical-path.ts';
import { edgeKinds, PathGraph } from '../../src/gpu/analysis/path-graph.ts';
import { traceFacts } from '../../src/gpu/analysis/trace-facts.ts';
import { htaCriticalPath } from '../../src/gpu/scopes/hta-critical-path.ts';
import { scanTrace } from './captures/scan-trace.ts';

const anyGraph = fc.integer({ min: 1, max: 6 }).chain((events) =>
  fc.record({
    events: fc.constant(events),
    edges: fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: 2 * events - 1 }),
        step: fc.integer({ min: 1, max: 2 * events }),
        weight: fc.integer({ min: 0, max: 9 }),
      }),
      { maxLength: 14 },
    ),
  }),
);

test('no path of a graph is longer than the longest, which is made of its edges', () => {
  fc.assert(
    fc.property(anyGraph, ({ events, edges }) => {
      const graph = new PathGraph();
      for (let event = 0; event < events; event += 1) graph.event(2 * event, 2 * event + 1);
      const real = edges.flatMap(({ from, step, weight }) =>
        from + step < 2 * events ? [{ from, to: from + step, weight }] : [],
      );
      for (const { from, to, weight } of real) graph.edge(from, to, edgeKinds.work, weight);
      const path = graph.longestPath();
      for (const [index, { from }] of path.entries()) if (index > 0) expect(path[index - 1].to).toBe(from);
      const longest = (node: number): number =>
        real.reduce((most, { from, to, weight }) => (from === node ? Math.max(most, weight + longest(to)) : most), 0);
      const all = Array.from({ length: 2 * events }, (_, node) => longest(node));
      expect(path.reduce((sum, { weight }) => sum + weight, 0)).toBe(Math.max(...all));
    }),
  );
});

test('edges that make a circle do not hang the search', () => {
  const graph = new PathGraph();
  graph.event(0, 1);
  graph.event(2, 3);
  graph.edge(0, 1, edgeKinds.work, 5);
  graph.edge(1, 2, edgeKinds.work, 5);
  graph.edge(2, 1, edgeKinds.work, 5);
  expect(graph.longestPath()).toEqual([]);
});

const event = (cat: string, name: string, tid: number, ts: number, dur: number, args: object = {}) => ({
  ph: 'X',
  cat,
  name,
  pid: 1,
  tid,
  ts,
  dur,
  args,
});
const kernel = (name: string, ts: number, dur: number, correlation: number) =>
  event('kernel', name, 7, ts, dur, { device: 0, stream: 7, correlation });

test('under the scope of HolisticTraceAnalysis a kernel waits for its launch on an empty stream, else for the kernel before', () => {
  const trace = scanTrace(
    new TextEncoder().encode(
      JSON.stringify({
        traceEvents: [
          event('cpu_op', 'aten::mm', 1, 0, 60),
          event('cuda_runtime', 'cudaLaunchKernel', 1, 10, 5, { correlation: 1 }),
          event('cuda_runtime', 'cudaLaunchKernel', 1, 50, 5, { correlation: 2 }),
          kernel('first', 30, 100, 1),
          kernel('second', 133, 50, 2),
        ],
      }),
    ),
  );
  const { boundBy } = htaCriticalPath(trace, { start: 0, end: 60 });
  expect(boundBy).toEqual({ host: 10, compute: 150, communication: 0, 'between kernels': 3, launch: 20 });
});

const pathOf = (events: readonly object[]) => {
  const trace = scanTrace(new TextEncoder().encode(JSON.stringify({ traceEvents: events })));
  const [facts] = traceFacts('made-up', trace);
  const path = criticalPath(facts);
  const parts = Object.entries(path?.parts ?? {}).filter(([, us]) => us > 0);
  return { us: path?.us, parts: Object.fromEntries(parts) };
};
const step = event('user_annotation', 'ProfilerStep#1', 1, 0, 1000);
const launch = (ts: number, correlation: number) =>
  event('cuda_runtime', 'cudaLaunchKernel', 1, ts, 10, { correlation });

test('while the host waits in a call, what the GPU does is on the critical path', () => {
  const wait = event('cuda_runtime', 'cudaStreamSynchronize', 1, 120, 700);
  expect(pathOf([step, launch(100, 1), wait, kernel('gemm', 112, 700, 1)])).toEqual({
    us: 820,
    parts: { 'host outside of operators': 100, computation: 700, 'launch delay': 12, waiting: 8 },
  });
});

test('operators that overlap by the rounding of their times follow each other', () => {
  const op = event('cpu_op', 'nccl:all_reduce', 1, 0, 120.25);
  const item = event('cpu_op', 'aten::item', 1, 120, 702);
  const wait = event('cuda_runtime', 'cudaStreamSynchronize', 1, 121, 700);
  const { parts } = pathOf([step, op, launch(90, 1), item, wait, kernel('gemm', 112, 700, 1)]);
  expect(parts['computation']).toBe(700);
  expect(parts['operators']).toBeLessThan(130);
});

test('a kernel behind another one is on the path through it, not through its launch', () => {
  expect(pathOf([step, launch(0, 1), launch(20, 2), kernel('a', 15, 400, 1), kernel('b', 417, 300, 2)])).toEqual({
    us: 717,
    parts: { computation: 700, 'launch delay': 15, 'behind other GPU work': 2 },
  });
});

test('where a thread pauses while another works, the path goes through the other', () => {
  const forward = event('cpu_op', 'forward', 1, 0, 100);
  const backward = event('cpu_op', 'backward', 2, 110, 600);
  const optimizer = event('cpu_op', 'optimizer', 1, 720, 200);
  const call = event('cuda_runtime', 'cudaLaunchKernel', 1, 900, 10, { correlation: 1 });
  expect(pathOf([step, forward, backward, optimizer, call, kernel('k', 912, 18, 1)])).toEqual({
    us: 930,
    parts: { operators: 880, computation: 18, 'launch delay': 12, waiting: 20 },
  });
});

test('time that no operator of any thread fills is that of the host outside of operators', () => {
  const one = event('cpu_op', 'one', 1, 0, 100);
  const two = event('cpu_op', 'two', 1, 600, 100);
  expect(pathOf([step, one, two, launch(710, 1), kernel('k', 715, 1, 1)])).toEqual({
    us: 720,
    parts: { operators: 200, 'runtime calls': 10, 'host outside of operators': 510 },
  });
});

test('time before the first operator of a step is on the path', () => {
  expect(pathOf([step, launch(300, 1), kernel('k', 315, 100, 1)])).toEqual({
    us: 415,
    parts: { 'host outside of operators': 300, computation: 100, 'launch delay': 15 },
  });
});
