import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { costProfile } from '../../src/cli/commands/cost/profile.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { adapterText } from '../../src/cost/profile/adapter-text.ts';
import { parseMeasuredProfile } from '../../src/cost/profile/measured-profile.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-profile-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

async function call(...args: readonly string[]): Promise<string> {
  let text = '';
  const out = (part: string) => {
    text += part;
  };
  const terminal = { out, err: () => {}, interactive: false, stopped: new Promise<void>(() => {}) };
  await costProfile.run(parseCall(costProfile, args, terminal));
  return text;
}

const program = join(folder, 'train.py');
writeFileSync(
  program,
  `import os
from headrace_profile import profiled
made, used = [0], 0
class Loader:
    def __iter__(self):
        for number in range(7):
            made[0] += 1
            sum(range(20000))
            yield [number]
for batch in profiled(Loader()):
    used += 1
    sum(range(10000))
print(made[0], used)
`,
);

test('the adapter has at most 40 lines and no dependency', () => {
  expect(adapterText.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
  expect(adapterText.match(/^import .*$/gm)).toEqual(['import itertools, json, os, sys, time']);
});

test.skipIf(!hasPython)(
  `a job is measured three ways, and without variables the adapter changes nothing${hasPython ? '' : ' (skipped: no python3)'}`,
  async () => {
    await call('--adapter', join(folder, 'headrace_profile.py'));
    expect(execFileSync('python3', [program], { encoding: 'utf8' }).trim()).toBe('7 7');
    const out = join(folder, 'profile.json');
    const facts = ['--model', 'toy', '--gpus', '2', '--accumulation', '4', '--precision', 'fp32', '--revision', 'r1'];
    // The loader is shorter than the steps that are asked for: it begins again.
    const text = await call('--out', out, '--steps', '12', '--warm', '2', ...facts, '--', 'python3', program);
    expect(text).toContain('with a batch in memory');
    const profile = parseMeasuredProfile(out, JSON.parse(readFileSync(out, 'utf8')));
    expect(profile.fingerprint).toEqual({
      model: 'toy',
      gpus: 2,
      accelerator: null,
      precision: 'fp32',
      revision: 'r1',
      command: ['train.py'],
      files: { 'headrace_profile.py': expect.any(String), 'train.py': expect.any(String) },
    });
    expect(profile.gpuBoundStepS).toBeLessThanOrEqual(profile.stepS);
    expect([profile.steps, profile.accumulation]).toEqual([12, 4]);
    expect(profile.repeats).toBeGreaterThanOrEqual(2);
  },
);

test.each([
  [[], 'no command'],
  [['--', join(folder, 'absent')], 'ENOENT'],
  [['--', process.execPath, '-e', 'console.log("no adapter")'], 'wrote no times'],
  [['--limit', '1s', '--', process.execPath, '-e', 'setInterval(() => {}, 1000)'], 'did not end'],
])('a job that cannot be measured is a coded error with its reason: %j', async (args, reason) => {
  await expect(call(...args)).rejects.toMatchObject({
    code: 'COST_PROFILE_RUN',
    message: expect.stringContaining(reason),
  });
});
