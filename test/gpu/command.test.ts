import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { SECRET, writeExport } from '../../scripts/gpu/fuzz-nsys.ts';
import { runGpu } from '../../scripts/gpu/run-gpu.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { compareTraces } from '../../src/gpu/compare.ts';
import { causes } from '../../src/gpu/finding.ts';
import { scopes } from '../../src/gpu/scopes/scope.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, trainingRun } from '../../src/labs/captures/training-run.ts';
import { embeddedReport } from '../report/embedded-report.ts';
import { kernelMeasures } from './captures/counters.ts';
import { hasSharedData, sharedPath, sharedText, sharedTrace, whySkipped } from './shared-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function capture(fault: FaultKind, name: string, ranks = 1): readonly string[] {
  const captures = trainingRun({
    fault,
    share: 0.35,
    steps: 6,
    kernelsPerStep: 60,
    kernelUs: 80,
    ranks,
    random: seededRandom(5),
  });
  return captures.map((one) => {
    const path = join(folder, `${name}-${one.rank}.json`);
    writeFileSync(path, captureJson(one));
    return path;
  });
}

const call = (...args: readonly string[]) => runGpu(args);

test('diagnose prints the first cause, its bound, its fix and what would disprove it', async () => {
  const text = await call('diagnose', ...capture('data-pipeline', 'loader'));
  expect(text).toMatch(/^First: the GPU waits .* for the next batch/);
  for (const part of ['at most', 'fix: ', 'disproof: ', 'next: ', 'computation ']) expect(text).toContain(part);
  expect(await call('diagnose', ...capture('none', 'healthy'))).toMatch(/^Nothing to fix/);
});

test('--json is one object with a version, findings and levels; --markdown and --html show the same findings', async () => {
  const paths = capture('straggler', 'late', 3);
  const value = JSON.parse(await call('diagnose', '--json', ...paths));
  expect(value).toMatchObject({
    version: 1,
    verdict: 'findings',
    findings: [{ id: 'multi-gpu/1', severity: 'warning' }],
  });
  expect(value.levels.map(({ level }: { level: number }) => level)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  const html = join(folder, 'report.html');
  const markdown = await call('diagnose', '--markdown', '--html', html, ...paths);
  expect(markdown).toContain('## 1. rank');
  const [late] = value.findings;
  expect(late.remainingStepUs).toBeCloseTo(value.traces[0].stepUs - late.recoverableUs, 0);
  expect(JSON.parse(embeddedReport(readFileSync(html, 'utf8')).json)).toEqual(value);
});

test('the documented members of a diagnosis and of a finding are those of --json', async () => {
  const value = JSON.parse(await call('diagnose', '--json', ...capture('straggler', 'members', 3)));
  const page = readFileSync('docs/reference/gpu-diagnosis.md', 'utf8');
  const members = (text: string) =>
    [...text.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
  const [diagnosis = '', finding = ''] = page.split('## A finding').map((part) => part.split('\n## ')[0]);
  expect(new Set(members(diagnosis))).toEqual(new Set(Object.keys(value)));
  expect(new Set(members(finding))).toEqual(new Set(Object.keys(value.findings[0])));
});

test('environment, users, host names and tokens of an nsys export are in no report and no error', async () => {
  const path = join(folder, 'export.sqlite');
  writeExport(path);
  const html = join(folder, 'export.html');
  const texts = [
    await call('diagnose', '--all', '--html', html, path),
    await call('diagnose', '--json', path),
    await call('diagnose', '--markdown', path),
    await call('compare', path, path),
    ...(await Promise.all(scopes.map((scope) => call('diagnose', '--scope', scope, path)))),
  ];
  texts.push(readFileSync(html, 'utf8'));
  expect(readFileSync(path, 'latin1')).toContain(SECRET);
  expect(texts[1]).toContain('cudaLaunchKernel');
  for (const text of texts) expect(text).not.toContain(SECRET);
  truncateSync(path, 20_000);
  const error: unknown = await call('diagnose', path).catch((reason: unknown) => reason);
  expect(isHeadraceError(error) ? `${error.message} ${error.hint}` : 'no error of ours').not.toContain(SECRET);
});

test('names of kernels and files cannot break out of the table', async () => {
  const path = join(folder, 'evil.json');
  const [text] = capture('precision', 'evil-source').map((source) => readFileSync(source, 'utf8'));
  writeFileSync(path, (text ?? '').replaceAll('ampere_sgemm_128x128_nn', '<script>alert(1)</script>|sgemm'));
  const markdown = await call('diagnose', '--markdown', path);
  expect(markdown).not.toContain('<script>');
});

test('files that cannot be read are named next to those that can; one alone is an error', async () => {
  const novel = join(folder, 'novel.txt');
  writeFileSync(novel, 'Call me Ishmael.');
  expect(await call('diagnose', novel, ...capture('none', 'fine'))).toContain('not read: ');
  await expect(call('diagnose', novel)).rejects.toMatchObject({ code: 'GPU_FORMAT' });
  for (const args of [
    ['diagnose'],
    ['mend'],
    ['explain', 'luck'],
    ['diagnose', '--scope', 'x', novel],
    ['compare', 'a'],
    ['watch', '--every', '0'],
  ])
    await expect((async () => call(...args))()).rejects.toMatchObject({
      code: expect.stringMatching(/^CLI_/),
      exit: 2,
    });
});

test('the verdict on a kernel that a finding names is evidence there, not a second gain', async () => {
  const kernels = join(folder, 'kernels.csv');
  writeFileSync(kernels, kernelMeasures());
  const value = JSON.parse(await call('diagnose', '--json', ...capture('precision', 'sgemm'), kernels));
  expect(value.findings).toHaveLength(1);
  expect(JSON.stringify(value.findings[0].evidence)).toContain('verdict (computed)');
  expect(value.kernels).toMatchObject([{ verdict: 'compute' }]);
  const alone = JSON.parse(await call('diagnose', '--json', ...capture('none', 'bf16'), kernels));
  expect(alone.kernels[0].shareOfKernelTime).toBeNull();
});

test('explain knows every cause, and quotes gains', async () => {
  for (const cause of causes) expect(await call('explain', cause)).toContain('published gains');
});

test('compare: medians of steps of the same hardware', async () => {
  const [before] = capture('data-pipeline', 'before');
  const [after] = capture('none', 'after');
  expect(await call('compare', before ?? '', after ?? '')).toMatch(/^faster: median step .* 1\.5/);
  expect(JSON.parse(await call('compare', '--json', before ?? '', before ?? ''))).toMatchObject({
    verdict: 'no difference',
  });
});

const dmonText = `#Date       Time        gpu    pwr  gtemp     sm    mem\n#YYYYMMDD   HH:MM:SS    Idx      W      C      %      %\n${Array.from({ length: 60 }, (_, at) => ` 20240104   13:54:${String(at).padStart(2, '0')}      0    100     40     ${at % 2 === 0 ? 80 : 0}     10\n`).join('')}`;

test('watch keeps a rolling decomposition of what a command prints as dmon does', async () => {
  const recorded = join(folder, 'dmon.txt');
  writeFileSync(recorded, dmonText);
  const replay = `process.stdout.write(require('fs').readFileSync(${JSON.stringify(recorded)}))`;
  const text = await call('watch', '--every', '20', '--', process.execPath, '-e', replay);
  const lines = text.trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[2]).toMatch(/^40\.\d % = 50\.\d % non-idle × 80\.0 % busy/);
  await expect(call('watch', '--', join(folder, 'absent-program'))).rejects.toMatchObject({ code: 'GPU_FILE' });
});

test('watch tells the samples that were left at the end, keeps no endless line, and says that a command printed none', async () => {
  const print = (text: string) => [process.execPath, '-e', `process.stdout.write(${text})`];
  const few = JSON.stringify(dmonText.split('\n').slice(0, 5).join('\n'));
  expect(await call('watch', '--', ...print(few))).toContain('3 samples');
  expect(await call('watch', '--', ...print(`'x'.repeat(5e7) + '\\n' + ${few}`))).toContain('3 samples');
  const fails = call('watch', '--', process.execPath, '-e', 'console.log("No devices were found"); process.exit(6)');
  await expect(fails).rejects.toMatchObject({ code: 'GPU_FILE', message: expect.stringContaining('code 6') });
});

test('watch scrapes a DCGM exporter', async () => {
  const server = createServer((_, answer) =>
    answer.end('DCGM_FI_DEV_GPU_UTIL{gpu="0"} 70\nDCGM_FI_DEV_GPU_UTIL{gpu="1"} 0\n'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const text = await call('watch', '--dcgm', `http://127.0.0.1:${port}/metrics`, '--count', '1');
  server.close();
  expect(text).toMatch(/^35\.0 % = 50 % non-idle × 70\.0 % busy/);
});

test('hardware without a name is distinguished by its SMs and memory', async () => {
  const [path = ''] = capture('none', 'named');
  const other = join(folder, 'other.json');
  const text = readFileSync(path, 'utf8').replace('NVIDIA A100-SXM4-80GB', '');
  const unnamed = (sms: number) => text.replace('"numSms":108', `"numSms":${sms}`);
  writeFileSync(path, unnamed(304));
  writeFileSync(other, unnamed(110));
  expect(await call('compare', path, path)).toMatch(/^no difference/);
  await expect(call('compare', path, other)).rejects.toMatchObject({ code: 'GPU_NOT_COMPARABLE' });
});

test('a larger batch is advised only where the GPU is idle half of the time and half of its memory is free', async () => {
  const advice = async (share: number, peakBytes: number | undefined) => {
    const [one] = trainingRun({
      fault: 'launch-overhead',
      share,
      steps: 6,
      kernelsPerStep: 60,
      kernelUs: 80,
      ranks: 1,
      random: seededRandom(5),
    });
    if (one === undefined) throw new Error('no capture');
    const memory = (type: number, bytes: number) => ({
      ph: 'i' as const,
      cat: 'cpu_instant_event',
      name: '[memory]',
      pid: 1,
      tid: 1,
      ts: 5,
      dur: 0,
      args: { 'Device Type': type, 'Device Id': 0, 'Total Allocated': bytes },
    });
    const events = [...one.events, ...(peakBytes === undefined ? [] : [memory(1, peakBytes), memory(0, 80e9)])];
    const path = join(folder, 'memory.json');
    writeFileSync(path, captureJson({ ...one, events }));
    const { findings } = JSON.parse(await call('diagnose', '--json', path));
    expect(findings[0].cause).toBe('launch-overhead');
    return findings[0].fix.some((text: string) => text.includes('larger batch'));
  };
  expect(await advice(0.6, 20e9)).toBe(true);
  expect(await advice(0.6, 60e9)).toBe(false);
  expect(await advice(0.6, undefined)).toBe(false);
  expect(await advice(0.3, 20e9)).toBe(false);
});

describe.skipIf(!hasSharedData)(`recorded pairs${whySkipped}`, () => {
  test('num_workers 0 to 4: 1.40 times on medians, 1.26 on means', async () => {
    const [before, after] = await Promise.all(
      ['kineto_resnet50_num_workers_0', 'kineto_resnet50_num_workers_4'].map(sharedTrace),
    );
    if (before === undefined || after === undefined) throw new Error('no traces');
    const { changes, verdict } = compareTraces({ path: 'w0', trace: before }, { path: 'w4', trace: after });
    expect(verdict).toBe('faster');
    expect(changes[0].before / changes[0].after).toBeCloseTo(1.4, 1);
    expect(changes[1].before / changes[1].after).toBeCloseTo(1.26, 2);
  });

  test('other hardware is refused; captures cut to one span allow no claim about speed', async () => {
    const [control, other] = await Promise.all(['hta_trace_diff_control', 'hta_trace_diff_test'].map(sharedTrace));
    if (control === undefined || other === undefined) throw new Error('no traces');
    expect(() => compareTraces({ path: 'a', trace: control }, { path: 'b', trace: other })).toThrow(
      expect.objectContaining({ code: 'GPU_NOT_COMPARABLE' }),
    );
    const text = await call(
      'compare',
      sharedPath('nsys/nsysai_mfu_2gpu_before.sqlite.gz'),
      sharedPath('nsys/nsysai_mfu_2gpu_after.sqlite.gz'),
    );
    expect(text).toMatch(/^no claim: .*kernel time changed by -8\.7 %/);
  });

  test('watch replays recorded output of nvidia-smi dmon', async () => {
    const recorded = sharedPath('smi/dmon_a10_mutc_oTD.txt');
    const replay = `process.stdout.write(require('fs').readFileSync(${JSON.stringify(recorded)}))`;
    expect(await call('watch', '--every', '6', '--', process.execPath, '-e', replay)).toContain('6 samples');
    expect(sharedText('smi/dmon_a10_mutc_oTD.txt')).toContain('#Date');
  });

  test('kernel shares of a trace weigh the verdicts of Nsight Compute', async () => {
    const text = await call('diagnose', '--json', sharedPath('ncu/dsocr_rtx5090/kernel_0003.details.csv'));
    expect(JSON.parse(text)).toMatchObject({
      verdict: 'not enough evidence',
      kernels: [{ verdict: 'memory', memoryLevel: 'L2' }],
    });
  });
});
