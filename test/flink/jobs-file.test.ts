import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DeployedJob, readJobs, writeJobs } from '../../src/backends/flink/jobs-file.ts';

const fixture = fileURLToPath(new URL('../fixtures/release-0.1/beside/flink.json', import.meta.url));
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flink-jobs-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const job: DeployedJob = {
  key: '1f3a5c7e',
  jobId: 'a',
  stopped: false,
  checkpoints: null,
  restore: { path: 'file:///x/chk-1', at: 5 },
};

test('what is written is read back, whole or not at all', () => {
  const path = join(directory, 'flink.json');
  expect(readJobs(path)).toEqual([]);
  writeJobs(path, [job]);
  writeJobs(path, [job, { ...job, key: '00000000' }]);
  expect(readJobs(path)).toEqual([job, { ...job, key: '00000000' }]);
  expect(readdirSync(directory)).toEqual(['flink.json']);
});

test('the first format is read', () => {
  const jobs = readJobs(fixture);
  expect(jobs.map(({ key, stopped }) => [key, stopped])).toEqual([
    ['1f3a5c7e', false],
    ['0a1b2c3d', true],
  ]);
  expect(jobs[0].restore?.path).toContain('chk-12');
});

test.each([
  ['another format', (text: string) => text.replace('"format": 1', '"format": 2')],
  ['a torn end', (text: string) => text.slice(0, -20)],
  ['an unknown field', (text: string) => text.replace('"stopped": false,', '"stopped": false, "paused": true,')],
  ['nothing', () => ''],
])('%s is refused, and left as it is', (_, change) => {
  const path = join(directory, 'flink.json');
  const text = change(readFileSync(fixture, 'utf8'));
  writeFileSync(path, text);
  expect(() => readJobs(path)).toThrowError(expect.objectContaining({ code: 'FLINK_JOBS_FILE' }));
  expect(readFileSync(path, 'utf8')).toBe(text);
});
