import fc from 'fast-check';
import { expect, test } from 'vitest';
import { edgeKinds, PathGraph } from '../../src/gpu/analysis/path-graph.ts';
import { scanTrace } from '../../src/gpu/readers/trace/trace-scanner.ts';
import { htaCriticalPath, windowOf } from '../../src/gpu/scopes/hta-critical-path.ts';

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

test('the window is that of the n-th event whose name holds the text', () => {
  const trace = scanTrace(
    new TextEncoder().encode(
      JSON.stringify({
        traceEvents: [event('user_annotation', 'pass 1', 1, 5, 10), event('user_annotation', 'pass 2', 1, 20, 3)],
      }),
    ),
  );
  expect(windowOf(trace, 'pass', 1)).toEqual({ start: 20, end: 23 });
  expect(windowOf(trace, 'pass', 2)).toBeUndefined();
});
