import { expect, test } from 'vitest';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { joinAllocation } from '../../src/gpu/join/allocation.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';

const minute = (at: number) => new Date(Date.UTC(2026, 0, 5, 9, at)).toISOString().slice(11, 19);

/** An hour of two GPUs by the minute: `busy` says which are. */
function dmon(busy: (gpu: number, at: number) => boolean): string {
  const lines = ['#Date Time gpu sm'];
  for (let at = 0; at < 60; at += 1)
    for (const gpu of [0, 1]) lines.push(` 20260105 ${minute(at)} ${gpu} ${busy(gpu, at) ? 80 : 0}`);
  return `${lines.join('\n')}\n`;
}

/** Jobs as [id, GPUs, from, until, eligible], in minutes of the hour. */
function sacct(jobs: readonly (readonly [string, number, number, number, number])[]): string {
  const time = (at: number) => `2026-01-05T${minute(at)}`;
  return [
    'JobID|State|Start|End|ElapsedRaw|AllocTRES|Eligible',
    ...jobs.map(
      ([id, gpus, from, until, eligible]) =>
        `${id}|COMPLETED|${time(from)}|${time(until)}|${(until - from) * 60}|gres/gpu=${gpus}|${time(eligible)}`,
    ),
    '',
  ].join('\n');
}

function sources(log: string, jobs: string) {
  return [parseText('dmon', 'dmon.txt', log), parseText('sacct', 'jobs.psv', jobs)] as const;
}

test('idle time is charged to the job that holds the GPUs, and what no job holds is not idle but unallocated', () => {
  // The first job holds both GPUs for 30 minutes and uses one for 10; nothing runs for 18; the second uses its GPU.
  const [log, jobs] = sources(
    dmon((gpu, at) => (at < 10 && gpu === 0) || (at >= 48 && gpu === 1)),
    sacct([
      ['71', 2, 0, 30, 0],
      ['72', 1, 48, 60, 40],
    ]),
  );
  if (log.kind !== 'samples' || jobs.kind !== 'jobs') throw new Error('other kinds');
  const use = joinAllocation(log.series, jobs.jobs);
  expect(use).toMatchObject({ gpus: 2, overbookedShare: 0 });
  expect(use?.gpuHours).toBeCloseTo(2, 9);
  expect(use?.allocatedGpuHours).toBeCloseTo(1.2, 9);
  expect(use?.jobs[0]?.id).toBe('71');
  expect(use?.jobs[0]?.idleGpuHours).toBeCloseTo(50 / 60, 9);
  expect(use?.jobs[1]).toMatchObject({ id: '72', idleGpuHours: 0 });
  expect(use?.waitedWhileFreeGpuHours).toBeCloseTo(8 / 60, 9);
  const product = (use?.allocatedShare ?? 0) * (use?.nonIdleShare ?? 0) * (use?.meanOfNonIdle ?? 0);
  expect(product).toBeCloseTo((80 * 22) / 120, 9);
});

test('the diagnosis names the jobs that leave GPUs idle, with their GPU-hours', () => {
  const { findings, allocation } = diagnose(
    sources(
      dmon((gpu, at) => gpu === 0 && at < 15),
      sacct([['71', 2, 0, 60, 0]]),
    ),
  );
  expect(allocation).toHaveLength(1);
  expect(findings[0]?.title).toMatch(/^jobs hold 1\.750 GPU-hours of 2\.000 and leave them idle/);
  expect(findings[0]?.evidence[0]).toMatchObject({ value: 1.75, unit: 'GPU-hours', events: ['71'] });
});

test('jobs that hold more GPUs than were sampled are not joined: they are of other machines too', () => {
  const { allocation, limitations } = diagnose(
    sources(
      dmon(() => true),
      sacct([['71', 8, 0, 60, 0]]),
    ),
  );
  expect(allocation).toEqual([]);
  expect(limitations.join()).toContain('sacct -N NODE');
});

test('a week of a node by the second next to the jobs of a cluster takes seconds, not hours', () => {
  const seconds = 200_000;
  const timesMs = Array.from({ length: seconds }, (_, at) => Date.UTC(2026, 0, 5) + at * 1000);
  const [log] = sources(
    dmon(() => true),
    '',
  );
  if (log.kind !== 'samples' || log.series[0] === undefined) throw new Error('other kinds');
  const series = [{ ...log.series[0], timesMs, util: timesMs.map((_, at) => (at % 2 === 0 ? 80 : 0)) }];
  const jobs = Array.from({ length: 50_000 }, (_, at) => {
    const startMs = Date.UTC(2026, 0, 5) + at * 4000;
    return {
      id: String(at),
      state: 'COMPLETED',
      gpus: 1,
      seconds: 2,
      startMs,
      endMs: startMs + 2000,
      eligibleMs: startMs - 3_600_000,
      gpuHours: 2 / 3600,
      gpuUtil: Number.NaN,
    };
  });
  const use = joinAllocation(series, jobs);
  expect(use?.allocatedShare).toBeCloseTo(0.5, 9);
  expect(use?.idleGpuHours).toBeCloseTo(50_000 / 3600, 9);
  // While the GPU is free, some job waits for it, until the last one has started.
  expect(use?.waitedWhileFreeGpuHours).toBeCloseTo(49_999 * (2 / 3600), 6);
});
