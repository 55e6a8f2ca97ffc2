import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { driftEstimate } from '../../src/cli/commands/drift-estimate.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { defineProject, eventSource, float, model, text, time } from '../../src/features/define/declare.ts';
import type { TaskEstimateReport } from '../../src/monitoring/estimate/estimate-task-files.ts';
import { judgeMonitor, type MonitorWindow, monitorsOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { newMonitorMemory } from '../../src/monitoring/monitor/monitor-memory.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { asked, service } from '../models/small-project.ts';
import { openMonitor } from './open-monitor.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const AN_HOUR = 400;
/** Rows of a window of a file. */
const ROWS = Number(process.env['HEADRACE_DRIFT_ROWS'] ?? 2000);

const paid = eventSource('paid', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), asked: text(), amount: float() },
});
const amount = model('amount', {
  task: 'regression',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: paid, id: 'asked', value: (e) => e.amount, within: '2h' },
  train: { with: { kind: 'boostedTrees', trees: 30 } },
  monitors: [{ kind: 'estimatedQuality', k: 1, of: 3 }],
});
const project = defineProject('estimated', { asked, paid, service, amount });
const directory = mkdtempSync(join(tmpdir(), 'headrace-estimated-'));
const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);

let now = START;
let headrace: Headrace;
const random = seededRandom(11);

/** Truth: the noise of an amount grows with its number. */
const amountOf = (number: number) => 10 * number + randomNormal(random) * (0.5 + 4 * number * number);

/** Numbers from 0 to 1, the more of them near 1 the higher `shift` is; `beyond`: outside of all that was seen. */
const requestOf = ({ shift = 0, beyond = false }: Traffic) => ({
  name: `n${Math.floor(random() * 5)}`,
  number: beyond ? 3 + random() : random() ** (1 / (1 + shift)),
  gaps: random() < 0.1 ? null : random(),
  category: Math.floor(random() * 5),
});

interface Traffic {
  readonly shift?: number;
  readonly beyond?: boolean;
  readonly labelled?: boolean;
}

/** The mean absolute loss of the hour, whether its labels are sent or not. */
async function hour(at: number, traffic: Traffic): Promise<number> {
  let lost = 0;
  for (let i = 0; i < AN_HOUR; i += 100) {
    now = START + at * HOUR_MS + Math.floor((i * HOUR_MS) / AN_HOUR);
    const batch = Array.from({ length: 100 }, (_, j) => ({ id: `p${at}-${i + j}`, request: requestOf(traffic) }));
    const answers = await headrace.predictMany(amount, batch);
    const labels = batch.map(({ id, request }, j) => ({
      id: `l${id}`,
      at: now + j,
      asked: id,
      amount: amountOf(request.number),
    }));
    lost += labels.reduce((sum, label, j) => sum + Math.abs(label.amount - answers[j].score), 0);
    if (traffic.labelled === true) await headrace.ingest(paid, labels);
  }
  return lost / AN_HOUR;
}

async function judged(from: number, to: number, memory = newMonitorMemory()): Promise<readonly MonitorWindow[]> {
  await headrace.flush();
  const stores = await openMonitor(project, environment);
  const history = await stores.history();
  try {
    const [one] = await stores.watched();
    const [monitor] = monitorsOf(amount);
    const spans = Array.from({ length: to - from }, (_, i) => ({
      from: START + (from + i) * HOUR_MS,
      to: START + (from + i + 1) * HOUR_MS,
    }));
    return (await judgeMonitor(one, monitor, history, spans, { now, memory })).windows;
  } finally {
    await history.close();
    await stores.close();
  }
}

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  for (let i = 0; i < 2000; i += 100) {
    now = START + i * 1000;
    const rows = Array.from({ length: 100 }, (_, j) => ({ id: `t${i + j}`, at: now + j, ...requestOf({}) }));
    await headrace.ingest(asked, rows);
    await headrace.ingest(
      paid,
      rows.map(({ id, at, number }) => ({ id: `l${id}`, at: at + 1, asked: id, amount: amountOf(number) })),
    );
  }
  now = START + HOUR_MS;
  await headrace.train(amount, { to: now });
  await headrace.promote(amount, 1);
}, 300_000);

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('the quality of a regression before its labels', () => {
  test('there is no number before there are labelled rows', async () => {
    await hour(1, {});
    const [window] = await judged(1, 2);
    expect(window).toMatchObject({ state: 'cannotTell', value: null, limit: null });
    expect(window.reason).toMatch(/0 labelled rows to calibrate on.*no label has come/);
  });

  test('it is within 5 % of the realised loss, and drift where it is certainly higher', async () => {
    for (let at = 2; at <= 7; at += 1) await hour(at, { labelled: true });
    const losses = [await hour(8, {}), await hour(9, { shift: 1.5 }), await hour(10, { shift: 2 })];
    now = START + 11 * HOUR_MS;
    const memory = newMonitorMemory();
    const windows = await judged(8, 11, memory);
    expect(windows.map(({ state }) => state)).toEqual(['ok', 'drift', 'drift']);
    windows.forEach(({ value, assumptions, reason }, i) => {
      // The mean absolute loss of 400 amounts has a standard error of 5 % itself.
      expect(Math.abs((value ?? 0) / losses[i] - 1)).toBeLessThan(0.15);
      expect(assumptions).toMatchObject({ trust: 'estimate', calibrationRows: 2400 });
      expect(assumptions?.domainAuc).toBeGreaterThan(0.4);
      expect(reason).toMatch(/2400 labelled rows.*outside them, domain AUC.*newest label/);
    });
    const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
    expect(Math.abs(mean(windows.map(({ value }) => value ?? 0)) / mean(losses) - 1)).toBeLessThan(0.05);
    // The fit is kept for as long as the same windows are judged.
    expect(memory.estimates.size).toBe(1);
    expect(await judged(8, 11, memory)).toEqual(windows);
  }, 300_000);

  test('a window beyond all that has labels, or long after the last of them, has no number', async () => {
    await hour(11, { beyond: true });
    await hour(40, { shift: 8 });
    now = START + 41 * HOUR_MS;
    const [beyond] = await judged(11, 12);
    const [late] = await judged(40, 41);
    expect(beyond).toMatchObject({ state: 'cannotTell', value: null });
    expect(beyond.reason).toMatch(/lie outside the reference/);
    expect(late).toMatchObject({ state: 'cannotTell', value: null });
    expect(late.reason).toMatch(/moved long ago, and no label has come since|another population/);
  }, 300_000);
});

async function estimateOf(...args: readonly string[]): Promise<TaskEstimateReport> {
  const lines: string[] = [];
  const terminal = {
    out: (line: string) => lines.push(line),
    err: () => undefined,
    interactive: false,
    stopped: new Promise<void>(() => undefined),
  };
  await driftEstimate.run(parseCall(driftEstimate, [...args, '--json'], terminal));
  return JSON.parse(lines.join('\n')) as TaskEstimateReport;
}

describe('drift estimate of files', () => {
  test('the losses of a regression within 5 % of the realised ones, and those beyond the reference untold', async () => {
    const path = (name: string) => join(directory, `${name}.csv`);
    const lines = (rows: number, traffic: Traffic) =>
      Array.from({ length: rows }, () => {
        const { number, category } = requestOf(traffic);
        return [number, category, 10 * number, amountOf(number)].join(',');
      });
    const head = 'number,category,predicted,amount';
    writeFileSync(path('known'), [head, ...lines(2 * ROWS, {})].join('\n'));
    writeFileSync(
      path('now'),
      [head, ...lines(ROWS, {}), ...lines(ROWS, { shift: 2 }), ...lines(ROWS, { beyond: true })].join('\n'),
    );
    const options = ['--task', 'regression', '--score', 'predicted', '--label', 'amount', '--chunk', String(ROWS)];
    const { windows } = await estimateOf(path('known'), path('now'), ...options);
    expect(windows.map(({ trust }) => trust.state)).toEqual(['estimate', 'estimate', 'cannotTell']);
    for (const { estimated, realised } of windows.slice(0, 2))
      for (const metric of ['mae', 'rmse'])
        expect(Math.abs((estimated?.[metric] ?? 0) / (realised?.[metric] ?? 1) - 1)).toBeLessThan(0.05);
    expect(windows[1].alerts).toEqual({ mae: 'worse', rmse: 'worse' });
    expect(windows[2].estimated).toBeNull();
  });

  test('several classes by one column each: accuracy and AUC within 0.02 of the realised ones', async () => {
    const lines = (rows: number, hard: number) =>
      Array.from({ length: rows }, () => {
        const raw = [0, 1, 2].map(() => Math.exp(randomNormal(random) * (random() < hard ? 0.3 : 2)));
        const sum = raw.reduce((total, one) => total + one, 0);
        let left = random();
        const label = raw.findIndex((one) => {
          left -= one / sum;
          return left < 0;
        });
        return [...raw.map((one) => one / sum), ['red', 'green', 'blue'][Math.max(0, label)]].join(',');
      });
    const path = (name: string) => join(directory, `classes-${name}.csv`);
    writeFileSync(path('known'), ['red,green,blue,class', ...lines(2 * ROWS, 0.2)].join('\n'));
    writeFileSync(path('now'), ['red,green,blue,class', ...lines(ROWS, 0.2), ...lines(ROWS, 0.8)].join('\n'));
    const options = [
      '--task',
      'multiclass',
      '--score',
      'red,green,blue',
      '--label',
      'class',
      '--chunk',
      String(ROWS / 2),
    ];
    const { windows } = await estimateOf(path('known'), path('now'), ...options);
    for (const { estimated, realised } of windows)
      for (const metric of ['accuracy', 'auc'])
        expect(Math.abs((estimated?.[metric] ?? 0) - (realised?.[metric] ?? 1))).toBeLessThan(0.05);
    expect(windows.at(-1)?.alerts['accuracy']).toBe('worse');
  });
});
