import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { telemetryOff, withoutTelemetry } from '../../src/process/telemetry.ts';
import { canIsolate, namesAsked, node } from './names-asked.ts';

const programs = fileURLToPath(new URL('processes', import.meta.url));

const hasPython = spawnSync('python3', ['--version']).status === 0;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'telemetry-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

async function seen(...args: readonly string[]) {
  const found = await namesAsked(folder, [...node, join(programs, 'every-dependency.ts'), ...args]);
  expect(found.err).toBe('');
  return found;
}

test.skipIf(!canIsolate)(
  'no package that Headrace loads asks for a name or leaves a file in the home and temporary folders (skipped without unshare)',
  async () => {
    const { names, files, out } = await seen();
    expect(out).toContain('loaded ');
    expect({ names, files }).toEqual({ names: [], files: [] });
  },
);

test.skipIf(!canIsolate)(
  'the same test sees a name that is asked for, and files that are left (skipped without unshare)',
  async () => {
    const { names, files } = await seen('leaky');
    expect(names).toContain('asked.example');
    expect(files.toSorted()).toEqual(['.device-id', 'left']);
  },
);

test('a variable that a user sets stays, in a child too', () => {
  expect(withoutTelemetry({ DO_NOT_TRACK: '0' })).toEqual({ ...telemetryOff, DO_NOT_TRACK: '0' });
});

test.skipIf(!hasPython)(
  'a training program in Python that imports the helper has telemetry off before it loads a library',
  () => {
    const helper = fileURLToPath(new URL('../../src/training/runner', import.meta.url));
    const env = { PATH: process.env['PATH'], PYTHONPATH: helper, DO_NOT_TRACK: '0' };
    const text = 'import headrace_job, os, json; print(json.dumps(dict(os.environ)))';
    const found = JSON.parse(execFileSync('python3', ['-c', text], { env, encoding: 'utf8' }));
    expect(found).toMatchObject({ ...telemetryOff, DO_NOT_TRACK: '0' });
  },
);

test('programs that load ONNX Runtime in Python elsewhere turn its telemetry off first', () => {
  const src = fileURLToPath(new URL('../../src', import.meta.url));
  const texts = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.py'))
    .map((path) => readFileSync(join(src, path), 'utf8'))
    .filter((text) => /^\s*(import|from) onnxruntime\b/m.test(text));
  expect(texts.length).toBeGreaterThan(0);
  for (const text of texts)
    expect(text.indexOf('ORT_DISABLE_TELEMETRY')).toBeLessThan(text.search(/^\s*(import|from) onnxruntime\b/m));
  for (const text of texts) expect(text).toContain('ORT_DISABLE_TELEMETRY');
});
