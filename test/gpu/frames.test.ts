import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Attributor } from '../../src/gpu/analysis/attribution.ts';
import { rowsByThread } from '../../src/gpu/analysis/frames.ts';
import { joinLaunches } from '../../src/gpu/analysis/launches.ts';
import { sortRows } from '../../src/gpu/sort-rows.ts';
import { hostKinds, type Trace, TraceBuilder } from '../../src/gpu/trace/trace.ts';

interface Frame {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

function traceOf(frames: readonly Frame[]): Trace {
  const builder = new TraceBuilder();
  for (const { name, start, end } of frames) {
    const row = builder.host.row();
    builder.host.ts[row] = start;
    builder.host.dur[row] = end - start;
    builder.host.name[row] = builder.names.of(name);
    builder.host.kind[row] = hostKinds.python;
    builder.host.link[row] = -1;
  }
  return builder.build('kineto');
}

/** Frames nested in `start` to `end`, in any order: a tree of whole microseconds. */
const names = fc.constantFrom('a', 'b', 'c', 'enumerate(DataLoader)#x', 'torch.save', 'cudaMalloc');
function nested(start: number, end: number, depth: number): fc.Arbitrary<readonly Frame[]> {
  if (depth === 0 || end - start < 2) return fc.constant([]);
  return fc
    .record({ name: names, from: fc.integer({ min: start, max: end - 1 }), length: fc.integer({ min: 1, max: 30 }) })
    .chain(({ name, from, length }) => {
      const until = Math.min(from + length, end);
      return fc
        .tuple(nested(from, until, depth - 1), nested(until, end, depth - 1))
        .map(([inside, after]) => [{ name, start: from, end: until }, ...inside, ...after].toReversed());
    });
}

const parts = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { maxLength: 20 });

test('each instant of a host part is charged to the innermost frame, and once to each name around it', () => {
  fc.assert(
    fc.property(nested(0, 60, 4), parts, (frames, instants) => {
      const trace = traceOf(frames);
      const attributor = new Attributor(trace, rowsByThread(trace));
      const pieces = instants
        .toSorted((a, b) => a - b)
        .map((start) => ({ thread: 0, start, end: start + 1, afterReadBack: false }));
      attributor.add(pieces.slice(0, 5));
      attributor.add(pieces.slice(5));
      const { byWork, frames: tables } = attributor.result();
      const inner = new Map<string, number>();
      const around = new Map<string, number>();
      let bare = 0;
      for (const at of instants) {
        const open = frames
          .filter(({ start, end }) => start <= at && at < end)
          .toSorted((a, b) => a.start - b.start || b.end - a.end || frames.indexOf(b) - frames.indexOf(a));
        if (open.length === 0) bare += 1;
        for (const name of new Set(open.map((frame) => frame.name))) around.set(name, (around.get(name) ?? 0) + 1);
        // Frames of the same length are not distinguished: their order is that of the trace.
        const leaf = open.at(-1);
        if (leaf !== undefined) inner.set(leaf.name, (inner.get(leaf.name) ?? 0) + 1);
      }
      const sums = (pick: 'innermost' | 'covering') => {
        const all = new Map<string, number>();
        for (const table of Object.values(tables))
          for (const [name, us] of table[pick]) all.set(name, (all.get(name) ?? 0) + us);
        return all;
      };
      expect(Object.values(byWork).reduce((sum, us) => sum + us, 0)).toBe(instants.length);
      expect(tables.other.unrecordedUs).toBe(bare);
      expect(sums('covering')).toEqual(around);
      expect([...sums('innermost').values()].reduce((sum, us) => sum + us, 0)).toBe(instants.length - bare);
      if (new Set(frames.map(({ start, end }) => `${start}/${end}`)).size === frames.length)
        expect(sums('innermost')).toEqual(inner);
    }),
  );
});

test('rows are sorted as a stable sort sorts them, whatever runs they begin with', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(12), { maxLength: 60, size: 'max' }), (keys) => {
      const order = Int32Array.from(keys.keys());
      const sorted = sortRows(order, (a, b) => (keys[a] ?? 0) < (keys[b] ?? 0));
      expect([...sorted]).toEqual([...keys.keys()].toSorted((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0)));
    }),
  );
});

test('of several calls with one correlation the earliest launched it, however far apart correlations lie', () => {
  const correlation = fc.constantFrom(0, 1, 7, 2 ** 20, 2 ** 32 + 7, 3 * 2 ** 32, 2 ** 52);
  fc.assert(
    fc.property(fc.array(correlation, { maxLength: 30 }), fc.array(correlation, { maxLength: 10 }), (calls, events) => {
      const builder = new TraceBuilder();
      for (const [index, link] of calls.entries()) {
        const row = builder.host.row();
        builder.host.ts[row] = (index * 7) % 11;
        builder.host.kind[row] = hostKinds.runtime;
        builder.host.link[row] = link;
      }
      for (const link of events) builder.gpu.correlation[builder.gpu.row()] = link;
      const { ofGpu, any } = joinLaunches(builder.build('kineto'));
      const wanted = events.map((link) =>
        calls.reduce(
          (best, call, row) => (call === link && (best < 0 || (row * 7) % 11 < (best * 7) % 11) ? row : best),
          -1,
        ),
      );
      expect([...ofGpu]).toEqual(wanted);
      expect(any).toBe(wanted.some((row) => row >= 0));
    }),
  );
});
