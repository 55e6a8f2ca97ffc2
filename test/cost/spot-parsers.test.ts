import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { parseSpotTrace } from '../../src/cost/spot/trace/read-spot-trace.ts';

const valid = {
  'tick-counts': JSON.stringify({ metadata: { gap_seconds: 60 }, data: [0, 2, 4, 4] }),
  'interruption-flags': '0,2022-10-26T22:05:04.000Z,0\n1,2022-10-26T22:15:04.000Z,1\n2,2022-10-26T22:25:05.000Z,0\n',
  'node-events': '0,add,a\n60000,add,b\n120000,remove,a\n',
  'vm-counts': '2021-12-10, 13:07:45, 80\n2021-12-10, 13:08:45, 70\n',
  'step-counts': '0,3\n60,4\n180,2\n',
  reconfigurations:
    '[0, "add", {"nodes": ["a", "b"]}]\n[60000, "no-op", {"nodes": []}]\n[120000, "remove", {"nodes": ["a"]}]\n',
} as const;

function outcome(text: string) {
  try {
    return parseSpotTrace('folder/file', text, { timeUnit: 's' });
  } catch (error) {
    if (isHeadraceError(error)) return error.code;
    throw error;
  }
}

test('each family is recognised by its first line, and counts instances', () => {
  for (const [family, text] of Object.entries(valid)) {
    const trace = outcome(text);
    expect(typeof trace === 'string' ? trace : trace.family).toBe(family);
  }
  const counts = (text: string) => {
    const trace = outcome(text);
    return typeof trace === 'string' ? trace : [...trace.counts];
  };
  expect(counts(valid['interruption-flags'])).toEqual([1, 0, 1]);
  expect(counts(valid['node-events'])).toEqual([1, 2, 1]);
  expect(counts(valid.reconfigurations)).toEqual([2, 2, 1]);
  // An instance that goes within a tick cannot be used in it.
  expect(counts('0,3\n90,1\n100,3\n180,3\n')).toEqual([3, 1, 3, 3]);
});

test('every damaged file gives a trace with sane counts or a coded error', () => {
  const mutated = fc
    .record({
      text: fc.constantFrom(...Object.values(valid)),
      at: fc.nat(400),
      remove: fc.nat(30),
      insert: fc.oneof(
        fc.string({ maxLength: 12 }),
        fc.constantFrom('-1', '1e309', '\u0000', '99999999999', ',,', 'NaN', ']', '\n'),
      ),
      cut: fc.boolean(),
    })
    .map(({ text, at, remove, insert, cut }) => {
      const place = at % (text.length + 1);
      return cut ? text.slice(0, place) : text.slice(0, place) + insert + text.slice(place + remove);
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string({ maxLength: 80 })), (text) => {
      const trace = outcome(text);
      if (typeof trace === 'string') {
        expect(trace).toMatch(/^COST_TRACE/);
        return;
      }
      expect(trace.gapS).toBeGreaterThan(0);
      expect(trace.counts.length).toBeGreaterThan(0);
      expect(trace.counts.length).toBeLessThanOrEqual(5_000_000);
    }),
    { numRuns: Number(process.env['HEADRACE_FUZZ_RUNS'] ?? 500) },
  );
});

test.each([
  ['{"metadata": {"gap_seconds": 0}, "data": [1]}', 'gap_seconds'],
  ['{"metadata": {"gap_seconds": 60}, "data": []}', 'no array'],
  ['{"metadata": {"gap_seconds": 60}, "data": [1, -1]}', 'no number of instances'],
  ['{"metadata": {"gap_seconds": 60}, "data": [1, "1"]}', 'data[1] is no number'],
  ['{"metadata": {"gap_seconds": 60}, "data": [1, 0.5]}', 'no number of instances'],
  ['{"metadata": {"gap_seconds": 60}, "data": [1', 'not whole JSON'],
  ['', 'it is empty'],
  ['hello', 'none of the known forms'],
  ['0,2022-10-26T22:05:04.000Z,2', 'line 1'],
  ['0,2022-10-26T22:05:04.000Z,0\n90000,2022-10-26T22:15:04.000Z,0', 'fewer than half'],
  ['0,add,a\n1,explode,b', 'line 2'],
  ['0,3\n99999999999,1', 'ticks are more than'],
])('a wrong file is rejected with the place of its fault: %s', (text, reason) => {
  expect(() => parseSpotTrace('f', text, { timeUnit: 's' })).toThrow(
    expect.objectContaining({ code: 'COST_TRACE', message: expect.stringContaining(reason) }),
  );
});

test('holes and repeated ticks are reported, and a hole counts as not available', () => {
  const line = (tick: number) => `${tick},2022-10-26T22:${String(tick).padStart(2, '0')}:00.000Z,0`;
  const { counts, faults } = parseSpotTrace('f', [0, 1, 3, 3, 4].map(line).join('\n'));
  expect([...counts]).toEqual([1, 1, 0, 1, 1]);
  expect(faults.map(({ what, count }) => [what, count])).toEqual([
    ['hole', 1],
    ['repeated tick', 1],
  ]);
});

test('nodes added while alive or removed while absent are reported', () => {
  const { faults } = parseSpotTrace('f', '0,add,a\n0,add,a\n60000,remove,b\n');
  expect(faults.map(({ what, example }) => [what, example])).toEqual([
    ['added while alive', 'a'],
    ['removed while absent', 'b'],
  ]);
});
