import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { defineProject, model } from '../../src/features/define/declare.ts';
import type { PredictionFact } from '../../src/features/define/monitor.ts';
import { Judge, type JudgeStores } from '../../src/findings/judge.ts';
import { type MonitorState, parseState } from '../../src/findings/monitor-state.ts';
import { watch } from '../../src/findings/watch.ts';
import { frameSql } from '../../src/monitoring/interop/monitoring-frame.ts';
import type { MonitorWindow } from '../../src/monitoring/monitor/judge-windows.ts';
import { judgeModel, judgeMonitor, monitorsOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { decodeReference, encodeReference } from '../../src/monitoring/monitor/reference.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { runMonitor } from '../../src/running/run-monitor.ts';
import { readDrift } from '../../src/server/routes/drift.ts';
import { openMonitorStore } from '../../src/site/open-registry.ts';
import { Site } from '../../src/site/site.ts';
import { asked, came, service } from '../models/small-project.ts';
import { openMonitor } from './open-monitor.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const TRAINED = 3000;
const AN_HOUR = 400;

const watched = model('watched', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression', categorical: ['category'] } },
  monitors: [
    { kind: 'featureDrift', features: ['number', 'gaps', 'category'] },
    { kind: 'predictionDrift' },
    { kind: 'conceptDrift' },
  ],
});
const project = defineProject('watch', { asked, came, service, watched });
const directory = mkdtempSync(join(tmpdir(), 'headrace-monitor-'));
const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);

let now = START;
let headrace: Headrace;
const random = seededRandom(77);

interface Asked {
  readonly name: string;
  readonly number: number;
  readonly gaps: number | null;
  readonly category: number;
}

const requestOf = (shift: number): Asked => ({
  name: `n${Math.floor(random() * 5)}`,
  number: randomNormal(random) * 4 + shift,
  gaps: random() < 0.1 ? null : random(),
  category: Math.floor(random() * 5),
});

/** The truth: the number decides; `turned` says the opposite. */
const goodOf = ({ number }: Asked, turned: boolean) => random() < 1 / (1 + Math.exp(turned ? number : -number));

/** One hour of answers, some of which get labels. */
async function hour(
  at: number,
  options: { shift?: number; turned?: boolean; gapless?: boolean; labelled?: boolean },
): Promise<void> {
  const { shift = 0, turned = false, gapless = false, labelled = true } = options;
  for (let i = 0; i < AN_HOUR; i += 20) {
    now = START + at * HOUR_MS + Math.floor((i * HOUR_MS) / AN_HOUR);
    const batch = Array.from({ length: 20 }, (_, j) => {
      const request = requestOf(shift);
      return { id: `p${at}-${i + j}`, request: gapless ? { ...request, gaps: null } : request };
    });
    await headrace.predictMany(watched, batch);
    if (!labelled) continue;
    await headrace.ingest(
      came,
      batch.map(({ id, request }, j) => ({ id: `came-${id}`, at: now + j, asked: id, good: goodOf(request, turned) })),
    );
  }
}

async function judged(
  kind: string,
  from: number,
  to: number,
  on: PredictionFact = 'scores',
): Promise<readonly MonitorWindow[]> {
  await headrace.flush();
  const stores = await openMonitor(project, environment);
  try {
    const [one] = await stores.watched();
    const monitor = monitorsOf(watched).find((each) => each.kind === kind);
    if (monitor === undefined) throw new Error(kind);
    const history = await stores.history();
    const spans = Array.from({ length: to - from }, (_, i) => ({
      from: START + (from + i) * HOUR_MS,
      to: START + (from + i + 1) * HOUR_MS,
    }));
    try {
      return (await judgeMonitor(one, { ...monitor, on }, history, spans, { now })).windows;
    } finally {
      await history.close();
    }
  } finally {
    await stores.close();
  }
}

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  for (let i = 0; i < TRAINED; i += 100) {
    now = START + i * 1000;
    const rows = Array.from({ length: 100 }, (_, j) => ({ id: `t${i + j}`, at: now + j, request: requestOf(0) }));
    await headrace.ingest(
      asked,
      rows.map(({ id, at, request }) => ({ id, at, ...request })),
    );
    await headrace.ingest(
      came,
      rows.map(({ id, at, request }) => ({ id: `c${id}`, at: at + 1, asked: id, good: goodOf(request, false) })),
    );
  }
  now = START + HOUR_MS;
  await headrace.train(watched, { to: now });
  await headrace.promote(watched, 1);
  // Eleven quiet hours, three with a shift, one without gaps, two whose labels say the opposite, one without labels.
  for (let at = 1; at <= 11; at += 1) await hour(at, {});
  for (let at = 12; at <= 14; at += 1) await hour(at, { shift: 4 });
  await hour(15, { gapless: true });
  for (let at = 16; at <= 17; at += 1) await hour(at, { turned: true });
  await hour(18, { labelled: false });
  now = START + 19 * HOUR_MS;
}, 120_000);

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

test('references and states of the first format still read', () => {
  const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  expect(decodeReference(fixture('reference-1.reference'))).toMatchObject({
    createdAt: START,
    chunks: [{ rows: 3 }, { rows: 3 }],
  });
  expect(decodeReference(fixture('reference-2.reference')).vectors?.get('taste')).toMatchObject({
    rows: 6,
    missing: 1,
    sample: [{ length: 2 }, { length: 2 }],
  });
  const spread = decodeReference(fixture('reference-2-spreads.reference'));
  expect(spread.chunks.map(({ rows }) => rows)).toEqual(Array(10).fill(256));
  expect(spread.spreads?.get('amount')).toMatchObject([
    { size: 32, blocks: 80, top: Array(10).fill(expect.any(Number)) },
  ]);
  expect(parseState(fixture('drift-state-1.json').toString())).toMatchObject({
    at: START,
    monitors: [{ model: 'm', state: 'ok' }],
  });
  expect(parseState('{"format":2}')).toBeNull();
});

describe('champions are watched from published history', () => {
  test('a version keeps the profiles of its training set, by chunk, as an artefact', async () => {
    const stores = await openMonitor(project, environment);
    const [{ reference, version }] = await stores.watched();
    await stores.close();
    expect([version, reference?.chunks.length]).toEqual([1, 10]);
    expect(reference?.chunks.reduce((sum, { rows }) => sum + rows, 0)).toBe(TRAINED);
    if (reference === null) throw new Error('no reference');
    expect(encodeReference(decodeReference(encodeReference(reference)))).toEqual(encodeReference(reference));
  });

  test('features: quiet hours are ok, a shift is drift by name, a vanished input is a fault', async () => {
    const windows = await judged('featureDrift', 2, 16);
    expect(windows.slice(0, 9).map(({ state, rows }) => [state, rows])).toEqual(Array(9).fill(['ok', AN_HOUR]));
    expect(windows.slice(10, 13).map(({ state, drifted }) => [state, drifted])).toEqual(
      Array(3).fill(['drift', ['number']]),
    );
    expect(windows[13]).toMatchObject({ state: 'fault', faults: [{ kind: 'missing', columns: ['gaps'] }] });
    // Windows are merges of the profiles of all vectors.
    expect(windows[0].covered).toEqual({ served: AN_HOUR, profiled: AN_HOUR });
  });

  test('scores: the first windows are the reference, and a shift of the inputs moves them', async () => {
    const windows = await judged('predictionDrift', 2, 15);
    expect(windows[0].state).toBe('insufficient');
    expect(windows[9].state).toBe('ok');
    expect(windows.slice(10, 13).map(({ state }) => state)).toEqual(['drift', 'drift', 'drift']);
  });

  test('class shares move with the inputs, calibration with what labels mean, and both by their own first windows', async () => {
    const shares = await judged('predictionDrift', 10, 15, 'classShares');
    expect(shares.map(({ state }) => state)).toEqual(['insufficient', 'ok', 'drift', 'drift', 'drift']);
    expect(shares[2].value).toBeGreaterThan(shares[2].limit ?? 1);
    const calibration = await judged('predictionDrift', 11, 19, 'calibration');
    const states = calibration.map(({ state }) => state);
    expect([states[0], ...states.slice(5)]).toEqual(['ok', 'drift', 'drift', 'immature']);
    expect(calibration[5].value).toBeGreaterThan(3 * (calibration[5].limit ?? 1));
    expect(calibration[5].drifted).toEqual(['calibration error']);
    const shadow = await judged('predictionDrift', 11, 12, 'shadow');
    expect(shadow[0]).toMatchObject({ state: 'insufficient', reason: 'no shadow scored a request' });
  });

  test('losses: labels that say the opposite are concept drift, without any drift of features', async () => {
    const windows = await judged('conceptDrift', 2, 19);
    expect(windows.slice(0, 9).map(({ state }) => state)).toEqual(Array(9).fill('ok'));
    expect(windows[14].state).toBe('drift');
    expect(windows[16]).toMatchObject({ state: 'immature', rows: 0 });
    const features = await judged('featureDrift', 16, 18);
    expect(features.map(({ state }) => state)).toEqual(['ok', 'ok']);
  });

  test('losses: without mature windows among the last, the last mature ones are judged; a label that never came is its otherwise', async () => {
    await headrace.flush();
    const stores = await openMonitor(project, environment);
    const [one] = await stores.watched();
    const history = await stores.history();
    try {
      const within = { ...watched.label, withinMs: HOUR_MS };
      const monitors = [{ kind: 'conceptDrift', k: 1, of: 1 }];
      const [status] = await judgeModel({ ...one, model: { ...one.model, monitors, label: within } }, history, now);
      expect(status).toMatchObject({ state: 'drift', windows: [{ from: START + 16 * HOUR_MS, rows: AN_HOUR }] });
      // No window of a day-long label is mature yet: the newest says so.
      const [young] = await judgeModel({ ...one, model: { ...one.model, monitors } }, history, now);
      expect(young).toMatchObject({ state: 'immature', windows: [{ from: START + 18 * HOUR_MS, rows: 0 }] });
      const span = { from: START + 18 * HOUR_MS, to: START + 19 * HOUR_MS };
      const [, , concept] = monitorsOf(watched);
      const bad = { ...one, model: { ...one.model, label: { ...within, otherwise: false } } };
      const windows = async (at: number) => (await judgeMonitor(bad, concept, history, [span], { now: at })).windows;
      expect(await windows(span.to)).toMatchObject([{ state: 'immature', rows: 0 }]);
      expect((await windows(span.to + 2 * HOUR_MS)).map(({ rows }) => rows)).toEqual([AN_HOUR]);
    } finally {
      await history.close();
      await stores.close();
    }
  });

  test('losses: a rise counts once where it is found, and later windows by their own loss', async () => {
    const windows = await judged('conceptDrift', 14, 18);
    expect(windows.map(({ state }) => state)).toEqual(['ok', 'ok', 'drift', 'drift']);
    // Found in one window; the other is above the loss before by itself.
    expect(windows[3].reason).toContain('; a rise at ');
  });

  test('scores: the first windows say how much scores move by themselves', async () => {
    const windows = await judged('predictionDrift', 11, 12);
    expect(windows.map(({ state }) => state)).toEqual(['ok']);
  });

  test('frames for other monitors have every answered prediction once, with its features and its label', async () => {
    await headrace.flush();
    const stores = await openMonitor(project, environment);
    const history = await stores.history();
    try {
      const span = { from: START + 16 * HOUR_MS, to: START + 19 * HOUR_MS, now };
      const read = async (kind: 'arize' | 'nannyml') => {
        // HEADRACE_FRAMES: a folder that keeps them, for scripts/yardstick/open_frames.py.
        const path = join(process.env['HEADRACE_FRAMES'] ?? directory, `${kind}.parquet`);
        expect(await history.exportParquet(frameSql(watched, history, { ...span, kind }), path)).toBe(3 * AN_HOUR);
        const rows: (readonly unknown[])[] = [];
        for await (const batch of history.query(`SELECT * FROM '${path}'`)) rows.push(...batch);
        return rows;
      };
      const nannyml = await read('nannyml');
      // prediction_id, timestamp, y_pred_proba, y_pred, y_true, version, features.
      expect(new Set(nannyml.map(([id]) => id)).size).toBe(3 * AN_HOUR);
      expect(nannyml.filter((row) => row[4] === null).length).toBe(AN_HOUR);
      for (const row of nannyml) expect(row[3]).toBe(Number(row[2]) >= 0.5 ? 1n : 0n);
      const arize = await read('arize');
      expect(new Set(arize.map((row) => row[4]))).toEqual(new Set(['true', 'false', null]));
      expect(Number(arize[0][1])).toBe(Math.floor((START + 16 * HOUR_MS) / 1000));
      // The inputs of a logged vector are there.
      expect(arize.every((row) => row.slice(6).some((value) => value !== null))).toBe(true);
    } finally {
      await history.close();
      await stores.close();
    }
  });

  test('a version is judged once for an instant: status, incidents and playbook get the same findings', async () => {
    const stores = await openMonitor(project, environment);
    let reads = 0;
    const counted: JudgeStores = {
      ...stores,
      withHistory: (work) => {
        reads += 1;
        return stores.withHistory(work);
      },
    };
    const judge = new Judge();
    const at = START + 15 * HOUR_MS;
    const seen: MonitorState[] = [];
    const failing = () => Promise.reject(new Error('this sink fails'));
    const watching = watch(judge, counted, project.models, { at, everyMs: 0 }, [
      failing,
      (state) => void seen.push(state),
      async (state) => {
        expect(await judge.version(counted, watched, 1, at)).toEqual(state.monitors);
      },
    ]);
    await expect(watching).rejects.toThrow('this sink fails');
    expect(seen.map(({ monitors }) => monitors.length)).toEqual([3]);
    expect(reads).toBe(1);
    await judge.version(counted, watched, 1, at + HOUR_MS);
    expect(reads).toBe(2);
    await stores.close();
  });

  test('a monitor that cannot open what it needs releases its lease', async () => {
    const site = new Site({ project, environment });
    const run = runMonitor({
      site,
      everyMs: 1_000,
      once: false,
      stopped: new Promise(() => undefined),
      report: () => undefined,
      waits: () => undefined,
      judged: () => undefined,
      openPlaybooks: () => Promise.reject(new Error('no playbooks')),
    });
    await expect(run).rejects.toThrow('no playbooks');
    await site.close();
    const monitors = await openMonitorStore(environment);
    const lease = await monitors.lease();
    expect(lease).not.toBeNull();
    await lease?.release();
  });

  test('one process monitors at a time; the state is served, and a missing monitor is no good news', async () => {
    const answer = async () => {
      const { body } = (await readDrift.run({ headrace } as never, {} as never)) as { body: unknown };
      return (typeof body === 'string' ? JSON.parse(body) : body) as {
        watch: string;
        monitors: { state: string; monitor: { kind: string } }[];
      };
    };
    expect(await answer()).toMatchObject({ watch: 'unwatched', monitors: [] });
    const monitors = await openMonitorStore(environment);
    const lease = await monitors.lease();
    expect(lease).not.toBeNull();
    expect(await monitors.lease()).toBeNull();
    const stores = await openMonitor(project, environment);
    const state = await new Judge().champions(stores, project.models, { at: START + 15 * HOUR_MS, everyMs: 60_000 });
    await stores.close();
    // Staleness is by the clock of the project, which a replay brings.
    const now = insideOf(headrace).clock();
    await monitors.write(JSON.stringify({ ...state, at: now }));
    await lease?.release();
    expect(await monitors.lease()).not.toBeNull();
    expect(
      parseState((await monitors.read()) ?? '')?.monitors.map(({ monitor, state: one }) => `${monitor.kind} ${one}`),
    ).toEqual(['featureDrift drift', 'predictionDrift drift', 'conceptDrift ok']);
    expect((await answer()).watch).toBe('watched');
    await monitors.write(JSON.stringify({ ...state, at: now - 200_000 }));
    expect((await answer()).watch).toBe('stale');
  });
});
