import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { Source } from '../../src/gpu/source.ts';
import { type Capture, type CaptureValue, captureJson } from '../../src/labs/captures/capture.ts';
import { type RunOptions, trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from './captures/scan-trace.ts';

/** What a trace of PyTorch tells about the job besides its rank. */
type Header = Readonly<Record<string, unknown>>;

function captures(seed: number, options: Partial<RunOptions>): readonly Capture[] {
  const random = seededRandom(seed);
  return trainingRun({
    fault: 'none',
    share: 0.4,
    steps: 6,
    kernelsPerStep: 40,
    kernelUs: 80,
    ranks: 2,
    random,
    ...options,
  });
}

function source(path: string, capture: Capture, header: Header = {}): Source {
  const text = captureJson(capture).replace(
    /"distributedInfo":\{/,
    (start) =>
      `${start}${Object.entries(header)
        .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)},`)
        .join('')}`,
  );
  return { kind: 'trace', path, trace: scanTrace(new TextEncoder().encode(text)) };
}

/** Whether the files count as ranks of one job: a late rank is found, which no file alone shows. */
function areJoined(files: readonly Source[]): boolean {
  return diagnose(files).findings.some(({ mechanism }) => mechanism === 'late-rank');
}

const straggler = captures(9, { fault: 'straggler' });

test('a healthy job and one without collectives whose steps are equally long are two jobs', () => {
  // Found by seed 4471: steps of 3.2 and 3.3 ms. The second rank of each job was joined with the first of the other.
  const hidden = captures(441_180, { fault: 'hidden-sync', share: 0.31034482758620696, steps: 5, kernelUs: 50 });
  const files = hidden.map((capture) => source(`hidden-${capture.rank}`, capture));
  const healthy = captures(441_181, { steps: 5 }).map((capture) => source(`healthy-${capture.rank}`, capture));
  const { findings, limitations } = diagnose([...files, ...healthy]);
  expect(findings).toHaveLength(2);
  expect(findings.map(({ scope }) => scope.file).toSorted()).toEqual(['hidden-0', 'hidden-1']);
  expect(limitations).toEqual([expect.stringMatching(/^hidden-0, hidden-1: .* each is diagnosed alone$/)]);
});

test('of two jobs with the same fault and steps of one length, each keeps its finding', () => {
  const [job, other] = [1, 2].map((seed) => captures(seed, { fault: 'data-pipeline' }));
  const inFloats = other.map(
    (capture): Capture => ({
      ...capture,
      events: capture.events.map((event) => ({ ...event, name: event.name.replace('Sum_bf16_RING', 'Sum_f32_RING') })),
    }),
  );
  const { findings } = diagnose([source('job', job[0]), source('other', inFloats[1])]);
  expect(findings.map(({ scope }) => scope.file).toSorted()).toEqual(['job', 'other']);
});

test('steps of one length and collectives at the same times join no ranks that reduce different gradients', () => {
  const other = captures(9, { fault: 'straggler', gradients: 24_000_000 });
  expect(areJoined(straggler.map((capture) => source(`${capture.rank}`, capture)))).toBe(true);
  expect(areJoined([source('one', straggler[0]), source('other', other[1])])).toBe(false);
  const both = [straggler, other].flatMap((job, at) => job.map((one) => source(`job${at}-${one.rank}`, one)));
  const { findings, limitations } = diagnose(both);
  expect(findings.filter(({ mechanism }) => mechanism === 'late-rank')).toHaveLength(2);
  expect(limitations).toEqual([]);
});

test('ranks of two versions of NCCL, or of groups with other ranks, are of two jobs', () => {
  const joined = (one: Header, other: Header) =>
    areJoined([source('one', straggler[0], one), source('other', straggler[1], other)]);
  const group = (name: string, ranks: readonly number[]): Header => ({ pg_config: [{ pg_name: name, ranks }] });
  expect(joined({ nccl_version: '2.21.5' }, { nccl_version: '2.21.5' })).toBe(true);
  expect(joined({ nccl_version: '2.21.5' }, { nccl_version: '2.20.5' })).toBe(false);
  expect(joined(group('1', [0, 1]), group('1', [0, 1]))).toBe(true);
  expect(joined(group('1', [0, 1]), group('1', [1, 2]))).toBe(false);
  // Groups of one name that split the ranks, and lists that leave out the ranks of a group of all.
  expect(joined(group('1', [0, 2]), group('1', [1, 3]))).toBe(true);
  expect(joined(group('0', []), group('0', []))).toBe(true);
});

test('two runs of one program that only their times tell apart are joined with a stated doubt', () => {
  const again = captures(10, { fault: 'straggler' });
  const both = [straggler, again].flatMap((job, at) => job.map((one) => source(`run${at}-${one.rank}`, one)));
  const { findings, limitations } = diagnose(both);
  const late = findings.filter(({ mechanism }) => mechanism === 'late-rank');
  expect(late.map(({ confidence }) => confidence)).toEqual(['low', 'low']);
  expect(limitations).toContainEqual(expect.stringMatching(/was joined with .*, but .* fits nearly as well/));
});

test('ranks of different groups are of one job if a third rank is in both', () => {
  const inGroups = (capture: Capture, groups: readonly string[]): Capture => ({
    ...capture,
    events: capture.events.flatMap((event) => {
      if (!event.name.startsWith('nccl')) return [event];
      return groups.map((name) => {
        const args: Record<string, CaptureValue> = { ...event.args, 'Process Group Name': name, 'Group size': 2 };
        return { ...event, args };
      });
    }),
  });
  const [first, second, third] = captures(11, { fault: 'launch-overhead', ranks: 3 });
  const ends = [source('first', inGroups(first, ['a'])), source('third', inGroups(third, ['b']))];
  expect(diagnose(ends).findings).toHaveLength(2);
  expect(diagnose([...ends, source('second', inGroups(second, ['a', 'b']))]).findings).toHaveLength(1);
});
