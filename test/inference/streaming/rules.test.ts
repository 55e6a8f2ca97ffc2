import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as controlState from '../../../src/serving/streaming/control-state.ts';
import * as memberStep from '../../../src/serving/streaming/member-step.ts';
import * as versionMap from '../../../src/serving/streaming/version-map.ts';
import { childEnv } from '../../child-env.ts';
import { runs } from '../../runs.ts';
import { mutations } from './mutations.ts';
import * as outputStore from './output-store.ts';
import { simulate } from './simulate.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const RUNS = runs(10_000, 1_000_000);
const MUTANT_RUNS = 20_000;
const protocol = { ...controlState, ...memberStep, ...outputStore, ...versionMap };

test(`no rule is broken in ${RUNS} random runs, and each ends with every record scored`, () => {
  const first = Number(process.env['HEADRACE_SEED'] ?? 1);
  for (let seed = first; seed < first + RUNS; seed += 1) {
    const broken = simulate(protocol, seed);
    if (broken !== null) expect(`seed ${seed}: ${broken}`).toBeNull();
  }
}, 3_600_000);

/** A copy of the rules with edits. */
function mutant(edits: (typeof mutations)[number]['edits']): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-rules-'));
  const hashes = ['fnv.ts', 'murmur3.ts', 'partition-of.ts', 'caller-bucket.ts'].map((name) => `src/base/hash/${name}`);
  const paths = ['src/serving/streaming', ...hashes, 'src/base/rng.ts', 'test/inference/streaming'];
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [file, from, to] of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    expect(text.split(from).length, `${file}: ${from}`).toBe(2);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
  return folder;
}

test.each(mutations)('the simulator finds it where this rule is broken: $rule', ({ edits }) => {
  const program = fileURLToPath(new URL('../processes/simulate-rules.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [program, mutant(edits), String(MUTANT_RUNS)], {
    encoding: 'utf8',
    env: childEnv(),
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatch(/I\d|stuck/);
});
