import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openPart, type PartKind, partKind } from '../../src/observe/part-kind.ts';
import { Prometheus } from '../../src/observe/prometheus.ts';
import type { SloReport } from '../../src/observe/slo-report.ts';
import { mergeStatuses, type Status, statusOf } from '../../src/observe/status.ts';
import { projectPackage } from '../../src/process/project-package.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { partKinds } from '../../src/running/parts.ts';
import { openReader } from '../../src/running/reader.ts';
import { workerFigures } from '../../src/server/workers/worker-figures.ts';
import { project } from '../server/shop.ts';

interface Pump {
  readonly turns: number;
  readonly broken: boolean;
}

const pump: PartKind<Pump, { readonly pump: number }> = {
  name: 'pump',
  figures: [
    {
      name: 'headrace_pump_turns_total',
      type: 'counter',
      unit: 'turns',
      labels: ['side'],
      help: 'Turns of the pump',
      read: ({ turns }, now) => [[{ side: 'left' }, turns + now]],
    },
  ],
  health: ({ broken }) => (broken ? ['the pump is broken'] : []),
  waiting: ({ turns }) => (turns === 0 ? ['the pump has not turned'] : []),
  status: ({ turns }) => ({ pump: turns }),
  merge: (shares) => ({ pump: shares.reduce((sum, { pump: turns }) => sum + turns, 0) }),
  lines: ({ pump: turns }) => [`pump ${turns}`],
};

const about = { project: 'mill', namespace: 'mill', now: 5 };
const report: SloReport = { format: 1, project: 'mill', series: [] };

test('a figure, a health fact and a status share that one part declares reach metrics, status and its lines', async () => {
  const parts = [openPart(pump, { turns: 2, broken: true })];
  const metrics = new Prometheus(projectPackage('prom-client'), parts, () => 5);
  expect((await metrics.text()).text).toContain('headrace_pump_turns_total{side="left"} 7\n');
  const status = statusOf<Status>(parts, about);
  expect(status).toMatchObject({ ready: true, waiting: [], degraded: ['the pump is broken'], pump: 2 });
  expect(partKind(pump, ['pump']).lines(status)).toEqual(['pump 2']);
});

test('a group is as ready as the least ready of its processes and adds what a part says how to add', () => {
  const of = (turns: number) => statusOf<Status>([openPart(pump, { turns, broken: false })], about);
  const merged = mergeStatuses([partKind(pump, ['pump'])], [of(0), of(3)], report);
  expect(merged).toMatchObject({ ready: false, waiting: ['the pump has not turned'], pump: 3 });
});

test('a process without a part has no share of it, and prints no line of it', () => {
  const bare = statusOf<Status>([], about);
  expect(partKinds.flatMap((kind) => kind.lines(bare))).toEqual([]);
  expect(mergeStatuses(partKinds, [bare, bare], report)).toMatchObject({ ready: true });
});

test('each figure belongs to one part', () => {
  const names = [...partKinds.flatMap(({ figures }) => figures), ...Object.values(workerFigures)].map(
    ({ name }) => name,
  );
  expect(names).toEqual([...new Set(names)]);
  // Those of inference have the names that dashboards of Triton read.
  expect(names.filter((name) => !/^(headrace|nv_inference)_/.test(name))).toEqual([]);
});

test('a reader has fewer parts than the process that writes, and its status has their shares alone', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-parts-'));
  try {
    const headrace = await openHeadrace({ project, environment: { directory } });
    const reader = await openReader({ project, environment: { directory } });
    const written = new Set(Object.keys(headrace.status()));
    const read = Object.keys(reader.status());
    expect(read.filter((key) => !written.has(key))).toEqual([]);
    expect(read).toContain('views');
    expect(read).not.toContain('sources');
    await reader.close();
    await headrace.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
