import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHeartbeat } from '../../src/training/runner/heartbeat.ts';
import { RUN_FORMAT } from '../../src/training/runner/run-files.ts';
import { readResult } from '../../src/training/runner/run-outcome.ts';
import { runSweep } from '../../src/training/sweep/run-sweep.ts';
import { parseSweep } from '../../src/training/sweep/sweep-file.ts';
import { hasPython, localBackend } from './run-program.ts';

const HELPER_FOLDER = resolve('src/training/runner');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'helper-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A value of Python and the value of JSON that the controller must read: what is not finite is null. */
type Tagged = readonly [kind: string, value: unknown];

const numberOf = fc.oneof(
  fc.constantFrom('nan', 'inf', '-inf', '-0.0', '5e-324', '1.7976931348623157e308', '1e300'),
  fc.integer().map((whole) => `${whole}.0`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);
const float = numberOf.map((text): Tagged => ['float', text]);
const { value: tagged } = fc.letrec<{ value: Tagged }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    float,
    float.map((one): Tagged => ['scalar', one]),
    fc
      .oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string({ unit: 'binary' }))
      .map((one): Tagged => ['plain', one]),
    fc.array(tie('value'), { maxLength: 3 }).map((one): Tagged => ['list', one]),
    fc.array(tie('value'), { maxLength: 3 }).map((one): Tagged => ['tuple', one]),
    fc
      .array(fc.tuple(fc.string({ maxLength: 3 }), tie('value')), { maxLength: 3 })
      .map((one): Tagged => ['object', one]),
  ),
}));

/** The value that JSON has in its place. */
function expected([kind, value]: Tagged): unknown {
  if (kind === 'float') {
    const number = Number(String(value).replace('inf', 'Infinity'));
    return Number.isFinite(number) ? number : null;
  }
  if (kind === 'scalar') return expected(value as Tagged);
  if (kind === 'list' || kind === 'tuple') return (value as Tagged[]).map(expected);
  if (kind === 'object')
    return Object.fromEntries((value as [string, Tagged][]).map(([key, one]) => [key, expected(one)]));
  return value;
}

test.skipIf(!hasPython)(
  'the controller reads every value that the helper of a program writes, whatever it holds',
  () => {
    const steps = fc.nat({ max: 1_000 }).map((step): Tagged => ['float', `${step}.0`]);
    const step = fc.oneof(
      steps,
      steps.map((one): Tagged => ['scalar', one]),
      fc.nat({ max: 9 }).map((one): Tagged => ['plain', one]),
    );
    const loss = fc.oneof(
      float,
      float.map((one): Tagged => ['scalar', one]),
      fc.constant<Tagged>(['plain', null]),
    );
    const cases = fc.sample(fc.tuple(tagged, step, loss), { numRuns: 60, seed: 27 });
    for (const name of ['out', 'heartbeats', 'checkpoints']) mkdirSync(join(folder, name));
    const run = {
      format: RUN_FORMAT,
      attempt: 1,
      worldSize: 1,
      targetSteps: 1,
      resume: null,
      checkpoints: join(folder, 'checkpoints'),
    };
    writeFileSync(join(folder, 'run.json'), JSON.stringify(run));
    writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases));
    const environment = {
      HEADRACE_RUN: join(folder, 'run.json'),
      HEADRACE_RUN_FOLDER: folder,
      HEADRACE_ATTEMPT: '1',
      HELPER_FOLDER,
    };
    execFileSync(
      'python3',
      [resolve('test/training/programs/odd-values.py'), join(folder, 'cases.json'), join(folder, 'out')],
      {
        env: { ...process.env, ...environment },
      },
    );
    for (const [index, [value, done, last]] of cases.entries()) {
      expect(readResult(join(folder, 'out', `${index}.done`))).toMatchObject({ format: RUN_FORMAT });
      // As JSON has it: −0 and a member that comes twice.
      expect(JSON.stringify((readResult(join(folder, 'out', `${index}.done`)) as { result: unknown }).result)).toBe(
        JSON.stringify(expected(value)),
      );
      copyFileSync(join(folder, 'out', `${index}.beat`), join(folder, 'heartbeats', '0.json'));
      const beat = readHeartbeat(folder, 0, 1);
      expect(beat).toMatchObject({ step: Number(expected(done)) });
      if (expected(last) !== null) expect(beat).toMatchObject({ loss: expected(last), diverged: false });
    }
  },
);

test.skipIf(!hasPython)(
  'a trial whose result cannot be read fails alone, and a resumed sweep does not run it again',
  async () => {
    const kinds = ['nan', 'good', 'infinite', 'cut', 'python', 'empty'];
    const sweep = parseSweep({
      command: ['python3', resolve('test/training/programs/bad-results.py')],
      parameters: { kind: { values: kinds } },
      search: 'grid',
      budget: { min: 1, max: 1 },
      workers: 2,
      scheduler: { kind: 'full' },
    });
    const options = { name: 'sweep', folder, sweep, open: localBackend, run: { pollMs: 10 } };
    const outcome = await runSweep(options);
    const failures = Object.fromEntries(
      outcome.results.map(({ parameters, failure }) => [parameters['kind'], failure]),
    );
    expect(failures).toEqual({
      ...{ nan: 'diverged', good: null, infinite: 'diverged' },
      ...{ cut: 'RUN_RESULT', python: 'RUN_RESULT', empty: 'RUN_RESULT' },
    });
    expect(outcome).toMatchObject({ state: 'completed', best: { loss: 0.25, parameters: { kind: 'good' } } });
    const journal = readFileSync(join(folder, 'journal.jsonl'), 'utf8');
    expect(await runSweep(options)).toEqual(outcome);
    expect(readFileSync(join(folder, 'journal.jsonl'), 'utf8')).toBe(journal);
  },
);
