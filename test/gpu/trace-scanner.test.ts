import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { NumberReader, numberIn, skipValue } from '../../src/gpu/readers/trace/json-bytes.ts';
import { TraceScanner } from '../../src/gpu/readers/trace/trace-scanner.ts';
import type { Trace } from '../../src/gpu/trace/trace.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from './captures/scan-trace.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const kernel = (name: string, ts: number, more = '') =>
  `{"ph": "X", "cat": "kernel", "name": "${name}", "pid": 0, "tid": 7, "ts": ${ts}, "dur": 5, "args": {"device": 0, "stream": 7, "correlation": ${ts}${more}}}`;
const trace = (events: readonly string[], before = '', after = '') =>
  `{${before}"traceEvents": [${events.join(', ')}]${after}}`;
const names = ({ gpu, names: texts }: Trace) =>
  Array.from({ length: gpu.length }, (_, row) => texts.text(gpu.name[row]));

test('header keys may come before and after the events, and events may be a bare list', () => {
  const before = scanTrace(bytes(trace([kernel('a', 1)], '"distributedInfo": {"rank":3, "world_size": 8}, ')));
  expect([before.rank, before.worldSize]).toEqual([3, 8]);
  const after = scanTrace(
    bytes(trace([kernel('a', 1)], '"metadata": {"x": [{"traceEvents": []}]}, ', ', "distributedInfo": {"rank": 2}')),
  );
  expect([after.rank, after.gpu.length]).toEqual([2, 1]);
  expect(scanTrace(bytes(`\n [${kernel('a', 1)}, ${kernel('b', 9)}]`)).gpu.length).toBe(2);
});

test('bare NaN, Infinity and N/A, control characters and bytes that are no UTF-8 do not hurt the events around them', () => {
  const events = [kernel('a', 1, ', "x": NaN, "y": -Infinity, "z": N/A'), kernel('tab\there', 9), kernel('c', 20)];
  const text = bytes(trace(events));
  text[new TextDecoder().decode(text).indexOf('here')] = 0xff;
  const read = scanTrace(text);
  expect(read.gpu.length).toBe(3);
  expect(read.faults).toEqual([]);
});

test('quotes that were not escaped belong to the name', () => {
  const read = scanTrace(bytes(trace([kernel('void f<"x">(int)', 1), kernel('b', 9)])));
  expect(names(read)).toEqual(['void f<"x">(int)', 'b']);
});

test('a damaged event is counted and reading continues with the next', () => {
  const damaged = '{"ph": "X", "cat": "kernel", "name" "broken", "ts": 5, "dur": 1}';
  const read = scanTrace(bytes(trace([kernel('a', 1), damaged, kernel('b', 9)])));
  expect(names(read)).toEqual(['a', 'b']);
  expect(read.faults).toEqual([{ what: 'damaged events', count: 1 }]);
});

test('an escaped path that ends in a backslash costs its event only', () => {
  const read = scanTrace(bytes(trace([kernel('a', 1), kernel('C:\\dir\\', 5), kernel('b', 9), kernel('c', 12)])));
  expect(names(read)).toContain('a');
  expect(names(read)).toContain('c');
});

test('a trace that is cut off gives what came before, and says so', () => {
  const whole = trace([kernel('a', 1), kernel('b', 9)]);
  const read = scanTrace(bytes(whole.slice(0, -30)));
  expect(read.gpu.length).toBe(1);
  expect(read.faults).toEqual([{ what: 'truncated', count: 1 }]);
});

test('negative and huge durations and missing times are counted and not used', () => {
  const events = [
    '{"ph":"X","cat":"kernel","name":"a","pid":0,"tid":7,"ts":1,"dur":-5}',
    '{"ph":"X","cat":"kernel","name":"b","pid":0,"tid":7,"ts":1,"dur":1e300}',
    '{"ph":"X","cat":"kernel","name":"c","pid":0,"tid":7,"dur":3}',
    '{"ph":"X","cat":"kernel","name":"d","pid":0,"tid":7,"ts":1}',
  ];
  const read = scanTrace(bytes(trace(events)));
  expect(names(read)).toEqual(['d']);
  expect(Object.fromEntries(read.faults.map(({ what, count }) => [what, count]))).toEqual({
    'negative durations': 2,
    'events without time': 1,
    'no duration': 1,
  });
});

test('categories of all ages, string times and string threads are understood', () => {
  const read = scanTrace(
    bytes(
      trace([
        '{"ph":"X","cat":"Kernel","name":"old","pid":0,"tid":"stream 7","ts":"12.5","dur":3,"args":{"external id": 4,"correlation":9}}',
        '{"args":{"correlation":9},"dur":2,"ts":10,"tid":"1","pid":"5","name":"cudaLaunchKernel","cat":"Runtime","ph":"X"}',
        '{"ph":"X","cat":"mtia_ccp_events","name":"m","pid":1,"tid":1,"ts":1,"dur":1}',
      ]),
    ),
  );
  expect([read.gpu.ts[0], read.gpu.correlation[0], read.host.link[0]]).toEqual([12.5, 9, 9]);
  expect([...read.foreign]).toEqual([['mtia_ccp_events', 1]]);
});

test('a memory timeline and other JSON are refused by name', () => {
  expect(() => scanTrace(bytes('[[-1, 1, 37888, 7]]'))).toThrow(
    expect.objectContaining({ code: 'GPU_MEMORY_TIMELINE' }),
  );
  for (const text of ['{}', '{"a": 1}', '12', '', '{"traceEvents": 5}', '["x"]'])
    expect(() => scanTrace(bytes(text))).toThrow(expect.objectContaining({ code: 'GPU_NOT_A_TRACE' }));
});

test('deep nesting and a million opening brackets are damage, not a hang', () => {
  const deep = `{"ph":"X","args":${'['.repeat(100_000)}`;
  const read = scanTrace(bytes(trace([kernel('a', 1), deep, kernel('b', 9)])));
  expect(read.gpu.length).toBeGreaterThanOrEqual(1);
  expect(scanTrace(bytes(`{"traceEvents": [${'{"namexxx,'.repeat(20_000)}`)).gpu.length).toBe(0);
});

const run = trainingRun({
  fault: 'none',
  share: 0.3,
  steps: 3,
  kernelsPerStep: 20,
  kernelUs: 50,
  ranks: 1,
  random: seededRandom(7),
});
const runText = bytes(captureJson(run[0]));

function facts({ gpu, host, steps, names: texts, faults }: Trace) {
  const rows = Array.from({ length: gpu.length }, (_, row) => [
    texts.text(gpu.name[row]),
    gpu.ts[row],
    gpu.dur[row],
    gpu.correlation[row],
  ]);
  return {
    rows,
    host: host.length,
    hostUs: host.dur.subarray(0, host.length).reduce((sum, us) => sum + us, 0),
    steps,
    faults,
  };
}

test('the scanner reads what JSON.parse reads', () => {
  const read = scanTrace(runText);
  const wanted = run[0].events.filter(({ cat }) => cat === 'kernel' || cat === 'gpu_memcpy');
  expect(facts(read).rows).toEqual(wanted.map(({ name, ts, dur, args }) => [name, ts, dur, args['correlation']]));
  expect(read.steps.map(({ name }) => name)).toEqual(['ProfilerStep#0', 'ProfilerStep#1', 'ProfilerStep#2']);
});

test('the order in which the members of an event stand does not matter', () => {
  const args = '{"Input Dims": [[8, 2], []], "Concrete Inputs": ["", "1"], "Input type": ["float", "Scalar"]}';
  const members = [
    '"ph": "X"',
    '"cat": "cpu_op"',
    '"name": "aten::conv2d"',
    '"ts": 1.5',
    '"dur": 2',
    `"args": ${args}`,
  ];
  const order = fc.shuffledSubarray(members, { minLength: members.length });
  const call =
    '{"ph": "X", "cat": "cuda_runtime", "name": "l", "ts": 1, "dur": 1, "args": {"correlation": 1, "correlation": 8}}';
  fc.assert(
    fc.property(order, (shuffled) => {
      const { host, inputs } = scanTrace(bytes(trace([call, `{${shuffled.join(', ')}}`])));
      expect([host.link[0], host.ts[1], host.dur[1]]).toEqual([1, 1.5, 2]);
      expect(inputs.texts(host.inputsOf(1))).toEqual({
        dims: '[[8, 2], []]',
        types: '["float", "Scalar"]',
        strides: '',
        values: '["", "1"]',
      });
    }),
    { numRuns: 40 },
  );
});

test('a number is read where it stands as it is read between its ends', () => {
  const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{0,${most}}$`));
  const number = fc.tuple(fc.constantFrom('', '-', '"'), digits(22), fc.constantFrom('', '.', 'e', '.5e'), digits(18));
  const reader = new NumberReader();
  fc.assert(
    fc.property(number, fc.constantFrom(',', '}', ']', ' ', '"', '', 'x,'), (parts, after) => {
      const text = bytes(parts.join('') + (parts[0] === '"' ? '"' : '') + after);
      const end = skipValue(text, 0, text.length);
      expect(reader.read(text, 0, text.length)).toBe(end);
      expect(reader.value).toBe(end < 0 ? Number.NaN : numberIn(text, 0, end));
    }),
    { numRuns: 2000 },
  );
});

test('the chunks in which the bytes come do not matter', () => {
  const whole = facts(scanTrace(runText));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
      const scanner = new TraceScanner();
      for (let at = 0, turn = 0; at < runText.length; turn += 1) {
        const size = sizes[turn % sizes.length];
        scanner.push(runText.subarray(at, at + size));
        at += size;
      }
      expect(facts(scanner.end())).toEqual(whole);
    }),
    { numRuns: 30 },
  );
});

test('nor do long chunks, with events that are longer than what is looked at across their seams, and damaged ones', () => {
  const events = Array.from({ length: 600 }, (_, index) =>
    index % 97 === 50
      ? '{"ph": "X", "cat": "kernel", "name" "broken"}'
      : kernel(index % 97 === 5 ? 'k'.repeat(40_000) : `kernel ${index}`, index + 1),
  );
  const text = bytes(trace(events, '"metadata": {"x": [1]}, ', ', "distributedInfo": {"rank": 2}'));
  const whole = facts(scanTrace(text));
  expect([whole.rows.length, whole.faults]).toEqual([594, [{ what: 'damaged events', count: 6 }]]);
  const size = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 16_000, max: 80_000 }));
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 12 }), (sizes) => {
      const scanner = new TraceScanner();
      for (let at = 0, turn = 0; at < text.length; turn += 1) {
        const next = sizes[turn % sizes.length] + (turn % sizes.length === 0 ? 16_384 : 0);
        scanner.push(text.subarray(at, at + next));
        at += next;
      }
      const read = scanner.end();
      expect([facts(read), read.rank]).toEqual([whole, 2]);
    }),
    { numRuns: 60 },
  );
});

test('any change of bytes gives a trace or a coded error', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(runText.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.nat(runText.length),
      (changes, cut) => {
        const damaged = runText.slice(0, cut);
        for (const [at, byte] of changes) if (at < cut) damaged[at] = byte;
        try {
          expect(scanTrace(damaged).gpu.length).toBeLessThanOrEqual(run[0].events.length);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^GPU_/) });
        }
      },
    ),
    { numRuns: 150 },
  );
});
