import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { Diagnosis } from '../../src/gpu/diagnosis.ts';
import { readNsysSqlite } from '../../src/gpu/readers/nsys-sqlite.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-nsight-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Range {
  readonly name: string;
  readonly start: number;
  readonly end: number | null;
  readonly thread?: number;
}

let count = 0;
const STEPS = 6;
const STEP_US = 1000;
const FIRST_US = 50_000;
/** When the program ends: teardown is as long as start-up. */
const LAST_US = FIRST_US + STEPS * STEP_US + 50_000;

/** Six steps of ten kernels of 80 µs, a copy long before them and one long after; times in microseconds. */
function told(ranges: readonly Range[], damage = ''): Diagnosis {
  const path = join(folder, `${count++}.sqlite`);
  const database = new DatabaseSync(path);
  const kernels = Array.from(
    { length: STEPS * 10 },
    (_, at) => FIRST_US + Math.floor(at / 10) * STEP_US + (at % 10) * 81,
  );
  const events = [0, ...kernels, LAST_US - 10];
  database.exec(`pragma journal_mode = off; pragma synchronous = off;
    create table StringIds (id integer, value text); insert into StringIds values (1, 'gemm'), (2, 'cudaLaunchKernel');
    create table CUPTI_ACTIVITY_KIND_KERNEL (start integer, "end" integer, deviceId integer, streamId integer, correlationId integer, demangledName integer, globalPid integer);
    create table CUPTI_ACTIVITY_KIND_RUNTIME (start integer, "end" integer, correlationId integer, nameId integer, globalTid integer);
    create table NVTX_EVENTS (start integer, "end" integer, text text, textId integer, globalTid integer);
    begin;
    ${events.map((at, id) => `insert into CUPTI_ACTIVITY_KIND_KERNEL values (${(at + 5) * 1000}, ${(at + (id === 0 || id > STEPS * 10 ? 5 : 85)) * 1000}, 0, 7, ${id}, 1, 16777216); insert into CUPTI_ACTIVITY_KIND_RUNTIME values (${at * 1000}, ${(at + 3) * 1000}, ${id}, 2, 16777217);`).join('\n')}
    commit;`);
  const insert = database.prepare('insert into NVTX_EVENTS values (?, ?, ?, null, ?)');
  for (const { name, start, end, thread = 1 } of ranges)
    insert.run(Math.round(start * 1000), end === null ? null : Math.round(end * 1000), name, 16_777_216 + thread);
  database.exec(damage);
  database.close();
  return diagnose([{ kind: 'trace', path: 'capture.sqlite', trace: readNsysSqlite(path) }]);
}

const steps: readonly Range[] = Array.from({ length: STEPS }, (_, at) => ({
  name: `step ${at}`,
  start: FIRST_US + at * STEP_US - 1,
  end: FIRST_US + (at + 1) * STEP_US - 2,
}));

function stepsOf({ traces: [trace] }: Diagnosis) {
  return trace.steps.map(({ name, us }) => ({ name, us: Math.round(us) }));
}

/** Ranges that are named as steps are and are none. */
const strange = fc.oneof(
  // Around all, or from somewhere to the end of the capture.
  fc.integer({ min: 0, max: FIRST_US + 3 * STEP_US }).map((start) => ({ name: 'step 99', start, end: LAST_US })),
  // Begun and never ended.
  fc.integer({ min: 0, max: LAST_US }).map((start) => ({ name: 'step 7', start, end: null })),
  // Parts of steps, of their own family.
  fc.constant({ name: 'iter 1', start: FIRST_US + 10, end: FIRST_US + 200 }),
  // Of a thread that launches nothing.
  fc
    .integer({ min: 0, max: 5 })
    .map((at) => ({ name: `step ${at}`, start: at * 900, end: at * 900 + 30_000, thread: 2 })),
);

test('ranges that nest, never close or are of another thread are no steps', () => {
  const plain = told(steps);
  expect(stepsOf(plain).map(({ name }) => name)).toEqual(steps.map(({ name }) => name));
  fc.assert(
    fc.property(fc.array(strange, { maxLength: 4 }), (more) => {
      const { traces } = told([...steps, ...more]);
      expect(traces[0].steps).toEqual(plain.traces[0].steps);
      expect(traces[0].decomposition).toEqual(plain.traces[0].decomposition);
    }),
    { numRuns: 25 },
  );
});

test('a last range that never closes is no step, however its end is written', () => {
  const plain = told(steps.slice(0, -1));
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2),
      fc.oneof(fc.constant(null), fc.integer({ min: LAST_US + 10_000, max: 10 * LAST_US })),
      (kept, end) => {
        // Of two steps none is left out as much longer than the others.
        const first = steps.slice(STEPS - 1 - kept, -1);
        const open = steps.slice(-1).map((step) => ({ ...step, end }));
        const { traces } = told([...first, ...open]);
        expect(traces[0].steps.map(({ name }) => name)).toEqual(first.map(({ name }) => name));
        for (const { us } of traces[0].steps) expect(us).toBeLessThan(1.1 * plain.traces[0].stepUs);
      },
    ),
    { numRuns: 12 },
  );
});

/** What a table lacks, or does not say. */
const columns = {
  CUPTI_ACTIVITY_KIND_KERNEL: ['start', '"end"', 'deviceId', 'streamId', 'correlationId', 'demangledName', 'globalPid'],
  CUPTI_ACTIVITY_KIND_RUNTIME: ['start', '"end"', 'correlationId', 'nameId', 'globalTid'],
  NVTX_EVENTS: ['start', '"end"', 'text', 'globalTid'],
  StringIds: ['id', 'value'],
} as const;

test('a column that an export lacks, or that is empty, makes no other number of it', () => {
  const whole = told(steps).traces[0];
  for (const [table, names] of Object.entries(columns))
    for (const name of names)
      for (const damage of [`alter table ${table} drop column ${name}`, `update ${table} set ${name} = null`]) {
        const { traces, verdict, findings } = told(steps, damage);
        expect(verdict, damage).not.toBe('healthy');
        expect(findings.filter(({ confidence }) => confidence === 'high')).toEqual([]);
        for (const { gpuSpan, stepUs, window } of traces) {
          expect(gpuSpan.busyUs, damage).toBeCloseTo(whole.gpuSpan.busyUs, 6);
          expect(gpuSpan.totalUs, damage).toBeCloseTo(whole.gpuSpan.totalUs, 6);
          if (window === 'stretched steps') expect(Math.abs(stepUs - whole.stepUs), damage).toBeLessThan(100);
        }
      }
});

test('without steps, what lies outside the named range is no idle time of the work', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 800 }), fc.boolean(), (early, around) => {
      const loop = { name: 'Profile_Loop', start: FIRST_US - early, end: FIRST_US + STEPS * STEP_US };
      const { traces, verdict } = told([loop, ...(around ? [{ name: 'main', start: 0, end: LAST_US }] : [])]);
      const [{ decomposition, window, steps: windows }] = traces;
      expect({ window, names: windows.map(({ name }) => name) }).toEqual({
        window: 'named range',
        names: ['Profile_Loop'],
      });
      expect(decomposition.totalUs).toBeCloseTo(early + STEPS * STEP_US, 0);
      expect(verdict).not.toBe('healthy');
    }),
    { numRuns: 10 },
  );
  expect(told([]).traces[0].window).toBe('GPU span');
});

test('a loop is distinguished from its warm-up at every share of the work that it holds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: STEPS - 1 }), fc.boolean(), fc.boolean(), (held, around, inParts) => {
      if (held <= STEPS / 2) return;
      // The first steps are warm-up, outside of the range; they are as dense as the others, after a long start.
      const start = FIRST_US + (STEPS - held) * STEP_US - 1;
      const parts = inParts
        ? Array.from({ length: held }, (_, at) => ({
            name: 'forward',
            start: start + at * STEP_US,
            end: start + at * STEP_US + 900,
          }))
        : [{ name: 'loop', start, end: FIRST_US + STEPS * STEP_US }];
      const { traces } = told([...parts, ...(around ? [{ name: 'main', start: 0, end: LAST_US }] : [])]);
      expect(traces[0].window).toBe('named range');
      expect(traces[0].steps.map(({ name }) => name)).toEqual([inParts ? 'forward' : 'loop']);
      expect(Math.abs(traces[0].stepUs - held * STEP_US)).toBeLessThan(200);
    }),
    { numRuns: 16 },
  );
});
