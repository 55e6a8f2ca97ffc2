import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { runGpu } from '../../scripts/gpu/run-gpu.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { fileKindOf } from '../../src/gpu/readers/format.ts';
import { parsePrometheus } from '../../src/gpu/readers/prometheus.ts';
import { parseSacct } from '../../src/gpu/readers/sacct.ts';
import { scopes } from '../../src/gpu/scopes/scope.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, trainingRun } from '../../src/labs/captures/training-run.ts';
import { dmonLog, jobRecords } from './captures/counters.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-new-user-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const call = (...args: readonly string[]) => runGpu(args);

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function captures(name: string, fault: FaultKind, ranks = 1): readonly string[] {
  return trainingRun({
    fault,
    share: 0.4,
    steps: 5,
    kernelsPerStep: 40,
    kernelUs: 80,
    ranks,
    random: seededRandom(6),
  }).map((one) => write(`${name}-${one.rank}.json`, captureJson(one)));
}

test('a folder is its files, also those in folders inside, without hidden ones', async () => {
  const files = [...captures('job/late', 'straggler', 3), write('job/counters/dmon.txt', dmonLog(seededRandom(1)))];
  write('job/.cache/dmon.txt', dmonLog(seededRandom(2)));
  const novel = write('job/README', 'Call me Ishmael.');
  const told = JSON.parse(await call('diagnose', '--json', join(folder, 'job')));
  expect(new Set(told.files.map(({ path }: { path: string }) => path))).toEqual(new Set(files));
  expect(told.refused).toMatchObject([{ path: novel, code: 'GPU_FORMAT' }]);
  expect(told.findings).toEqual(JSON.parse(await call('diagnose', '--json', ...files)).findings);
  mkdirSync(join(folder, 'empty'));
  await expect(call('diagnose', join(folder, 'empty'))).rejects.toMatchObject({ code: 'GPU_NO_DATA' });
  symlinkSync(folder, join(folder, 'job', 'loop'));
  expect(JSON.parse(await call('diagnose', '--json', join(folder, 'job'))).files).toHaveLength(files.length);
});

test('--scope with --json is one object with the numbers of the text', async () => {
  const [path = ''] = captures('scope', 'none');
  for (const scope of scopes) {
    const told = JSON.parse(await call('diagnose', '--scope', scope, '--json', path));
    const lines = (await call('diagnose', '--scope', scope, path)).trim().split('\n');
    expect(told).toMatchObject({ scope, traces: [{ file: path }] });
    expect(told.traces[0].numbers).toHaveLength(lines.length - 1);
    expect(told.traces[0].numbers[0].name).toBe(lines[1]?.trim().split(':')[0]);
  }
  await expect(call('diagnose', '--scope', 'x', '--json', path)).rejects.toMatchObject({ code: 'CLI_VALUE' });
});

test('every command of gpu has help, and needs no file for it', async () => {
  for (const command of ['diagnose', 'compare', 'explain', 'watch'])
    for (const flag of ['--help', '-h']) expect(await call(command, flag)).toContain(`headrace gpu ${command}`);
});

test('compare names the cause that went, its ceiling and the gain, and the causes that came', async () => {
  const causes = ['data-pipeline', 'launch-overhead', 'hidden-sync'] as const;
  const [healthy = ''] = captures('after', 'none');
  for (const cause of causes) {
    const [before = ''] = captures(`before-${cause}`, cause);
    const told = JSON.parse(await call('compare', '--json', before, healthy));
    expect(told.causes).toMatchObject([{ cause, change: 'went' }]);
    expect(told.causes[0].ceiling).toBeGreaterThanOrEqual(told.gain);
    expect(await call('compare', before, healthy)).toMatch(
      new RegExp(`went: ${cause}, .* at most .*× was to be gained, .*× was gained`),
    );
    expect(JSON.parse(await call('compare', '--json', healthy, before)).causes).toMatchObject([
      { cause, change: 'came' },
    ]);
    expect(JSON.parse(await call('compare', '--json', before, before)).causes).toMatchObject([
      { cause, change: 'stays' },
    ]);
  }
});

test('a machine without nvidia-smi learns it, and what to do', async () => {
  vi.stubEnv('PATH', join(folder, 'no-programs'));
  await expect(call('watch')).rejects.toMatchObject({
    code: 'GPU_NO_NVIDIA_SMI',
    hint: expect.stringMatching(/machine with the GPUs.*--dcgm/),
  });
});

const columns = ['JobID', 'State', 'ExitCode', 'Start', 'End', 'ElapsedRaw', 'AllocTRES', 'Eligible'] as const;

test('sacct without a header is read as with one, whatever the order of its columns', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray([...columns.slice(1)], { minLength: 7 }),
      fc.integer({ min: 1, max: 1e6 }),
      (order, seed) => {
        const [header = '', ...rows] = jobRecords(seededRandom(seed)).trim().split('\n');
        const names = header.split('|');
        const chosen = ['JobID', ...order, 'JobName'];
        const lines = [header, ...rows].map((row) => {
          const fields = row.split('|');
          return chosen.map((name) => fields[names.indexOf(name)] ?? '').join('|');
        });
        const bare = `${lines.slice(1).join('\n')}\n`;
        expect(fileKindOf(new TextEncoder().encode(bare))).toBe('sacct');
        expect(parseSacct(bare)).toEqual(parseSacct(`${lines.join('\n')}\n`));
      },
    ),
    { numRuns: 40 },
  );
});

/** Utilisation of two GPUs on two machines. */
const series = ['a:9400', 'b:9400'].flatMap((instance) =>
  ['0', '1'].map((gpu) => ({ instance, gpu, values: Array.from({ length: 40 }, (_, at) => (at * 7) % 101) })),
);

test('utilisation as Prometheus exports it, as JSON and as CSV with columns in any order, is one series a GPU', () => {
  const start = 1_767_603_600;
  const json = JSON.stringify({
    status: 'success',
    data: {
      resultType: 'matrix',
      result: series.map(({ instance, gpu, values }) => ({
        metric: { __name__: 'DCGM_FI_DEV_GPU_UTIL', instance, gpu },
        values: values.map((value, at) => [start + 15 * at, String(value)]),
      })),
    },
  });
  const wanted = series.map(({ values }) => values);
  expect(fileKindOf(new TextEncoder().encode(json))).toBe('prometheus');
  expect(parsePrometheus(json).map(({ util }) => util)).toEqual(wanted);
  const stamps = [
    (s: number) => String(s),
    (s: number) => String(s * 1000),
    (s: number) => new Date(s * 1000).toISOString(),
  ];
  fc.assert(
    fc.property(
      fc.shuffledSubarray(['value', 'timestamp', 'instance', 'gpu'], { minLength: 4 }),
      fc.constantFrom(...stamps),
      fc.constantFrom(',', ';', '\t'),
      fc.boolean(),
      (order, stamp, separator, withGpu) => {
        const names = order.filter((name) => withGpu || name !== 'gpu');
        const rows = series[0].values.flatMap((_, at) =>
          series.map(({ instance, gpu, values }) => {
            const row: Readonly<Record<string, string>> = {
              value: String(values[at]),
              timestamp: stamp(start + 15 * at),
              instance,
              gpu,
            };
            return names.map((name) => row[name]).join(separator);
          }),
        );
        const csv = `${names.join(separator)}\n${rows.join('\n')}\n`;
        expect(fileKindOf(new TextEncoder().encode(csv))).toBe('prometheus');
        const told = parsePrometheus(csv, 'exports/gpu_util.csv');
        expect(told).toHaveLength(4);
        for (const one of told) {
          expect(one.util).toEqual(wanted[0]);
          expect(one.timesMs[1] - one.timesMs[0]).toBe(15_000);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('an export without a metric of a GPU is a coded error', async () => {
  const path = write(
    'up.json',
    '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"1"]]}]}}',
  );
  await expect(call('diagnose', path)).rejects.toMatchObject({ code: 'GPU_DAMAGED' });
});
