import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqliteRegistry } from '../../src/compose/open-registry.ts';
import { defineProject, model } from '../../src/features/define/declare.ts';
import { offlineQuality } from '../../src/monitoring/labels/offline-quality.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { programPath } from './processes/run-process.ts';
import { smallFrame } from './small-frame.ts';
import { asked, came, service, small } from './small-project.ts';

const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 0, 1);

const python = model('python', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: {
    with: { kind: 'command', command: ['python3', fileURLToPath(new URL('./python/train.py', import.meta.url))] },
  },
});

const misspelt = model('misspelt', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression', categorial: ['category'] } },
});

const changing = model('changing', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'command', command: [process.execPath, programPath('job-program.ts')], do: 'change' } },
});

const project = defineProject('loop', { asked, came, service, small, python, misspelt, changing });
const frame = smallFrame();
const directory = mkdtempSync(join(tmpdir(), 'headrace-loop-'));

let now = START;
let headrace: Headrace;

const requestOf = (row: number) => ({
  name: `n${row % 5}`,
  number: frame.columns[0][row],
  gaps: Number.isNaN(frame.columns[1][row]) ? null : frame.columns[1][row],
  category: frame.columns[2][row],
});

const open = () => openHeadrace({ project, environment: { directory }, clock: () => now });

/** A label of a prediction; some say nothing, some come twice: the first that says something counts. */
async function label(id: string, row: number): Promise<void> {
  const good = frame.labels[row] === 1;
  await headrace.ingest(came, [{ id: `came-${id}`, at: now, asked: id, good: row % 23 === 5 ? null : good }]);
  if (row % 11 === 0) await headrace.ingest(came, [{ id: `again-${id}`, at: now + 1, asked: id, good: !good }]);
}

beforeAll(async () => {
  headrace = await open();
  for (let row = 0; row < 400; row += 1) {
    now = START + row * MINUTE_MS;
    await headrace.ingest(asked, [{ id: `t${row}`, at: now, ...requestOf(row) }]);
    await label(`t${row}`, row);
  }
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('from events to judged predictions', () => {
  test('a model is trained in its own process and registered with where it comes from', async () => {
    const lines: string[] = [];
    const version = await headrace.train(small, { to: now + 1, onLine: (line) => lines.push(line) });
    // Rows 5, 28, 51, … say nothing; of these 18, rows 143 and 396 are reported once more.
    expect(version).toMatchObject({
      model: 'small',
      version: 1,
      signature: { features: ['by_asked_1h', 'number', 'gaps', 'category'], input: 'features', output: 'probability' },
      lineage: { service: 'small@1', trainingSet: { rows: 384, unlabelled: 16, mode: 'corrected' } },
    });
    expect(version.metrics['auc']).toBeGreaterThan(0.75);
    expect(lines.join('\n')).toMatch(/read 38\d rows of 4 features/);
    expect(await headrace.versions(small)).toEqual({ versions: [version], champion: null });
  });

  test('nothing is predicted before a champion stands, then predictions are logged and meet their labels', async () => {
    await expect(headrace.predict(small, 'early', requestOf(0))).rejects.toMatchObject({ code: 'MODEL_NONE' });
    await headrace.promote(small, 1);
    for (let row = 0; row < 300; row += 1) {
      now += MINUTE_MS;
      const [prediction] = await headrace.predictMany(small, [{ id: `p${row}`, request: requestOf(row) }]);
      expect(prediction).toMatchObject({ id: `p${row}`, model: 'small', version: 1, missing: 0 });
      expect(prediction.score).toBeGreaterThan(0);
      if (row % 7 !== 0) await label(`p${row}`, row);
    }
    const { counters, quality } = headrace.outcomes(small);
    expect(counters).toMatchObject({ predictions: 300, duplicatePredictions: 0, unlabelled: 0 });
    expect(counters.labelled + counters.pending).toBe(300);
    const found = quality.between(START, now + 1);
    expect(found).toMatchObject({ predictions: 300, labelled: counters.labelled });
    expect(found?.auc).toBeGreaterThan(0.7);
  });

  test('the quality that was collected as labels came is the one that the history gives', async () => {
    now += 3 * 86_400_000;
    await headrace.tick();
    await headrace.flush();
    const { counters, quality } = headrace.outcomes(small);
    expect(counters.pending).toBe(0);
    const offline = await offlineQuality(small, insideOf(headrace).stores.offline, { from: START, to: now, now });
    expect(offline.days()).toEqual(quality.days());
    for (const day of quality.days()) {
      expect(offline.between(day, day + 1)).toEqual(quality.between(day, day + 1));
      expect(offline.between(day, day + 1, 1)).toEqual(quality.between(day, day + 1, 1));
    }
    const none = await offlineQuality(small, insideOf(headrace).stores.offline, { from: now, to: now + 1, now });
    expect(none.days()).toEqual([]);
  });

  test('a champion serves again, at once and warm, after a restart', async () => {
    const before = await headrace.predict(small, 'before', requestOf(7));
    await headrace.close();
    headrace = await open();
    expect(headrace.notReady()).toEqual([]);
    expect(headrace.degraded()).toContain('model python has no champion');
    expect(headrace.degraded()).not.toContain('model small has no champion');
    expect((await headrace.predict(small, 'after', requestOf(7))).score).toBe(before.score);
    const quality = await headrace.realisedQuality(small, START, now + 1);
    expect(quality.between(START, now + 1)).toMatchObject({ predictions: 302, auc: expect.any(Number) });
  });

  test('a misspelt option is refused before anything is started', async () => {
    await expect(headrace.train(misspelt)).rejects.toMatchObject({ code: 'TRAINING_OPTION' });
  });

  test('rows that change while a program trains are an error, and nothing is registered', async () => {
    const training = headrace.train(changing, { to: now + 1 });
    await expect(training).rejects.toMatchObject({
      code: 'TRAINING_DATA',
      message: expect.stringContaining('changed'),
    });
    expect((await headrace.versions(changing)).versions).toEqual([]);
  });

  test('a version that would not give the scores of its trainer is refused before its alias moves, and an unfit champion keeps nothing out', async () => {
    const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
    const [fit] = await registry.versions('small');
    const { version } = await registry.register({ ...fit, artifact: fit.parity });
    await expect(headrace.promote(small, version)).rejects.toMatchObject({ code: 'MODEL_FILE' });
    expect((await headrace.versions(small)).champion).toBe(1);
    await registry.moveAlias('small', 'champion', { expected: 1, to: version, at: now });
    await headrace.tick();
    expect((await headrace.predict(small, 'still', requestOf(7))).version).toBe(1);
    await headrace.close();
    const faults: unknown[] = [];
    headrace = await openHeadrace({
      project,
      environment: { directory },
      clock: () => now,
      onFault: (error) => faults.push(error),
    });
    expect(faults).toMatchObject([{ code: 'MODEL_FILE' }]);
    expect(headrace.notReady()).toContainEqual(
      expect.stringMatching(/^model small has a champion that cannot serve: the model file cannot be run/),
    );
    await expect(headrace.predict(small, 'unfit', requestOf(7))).rejects.toMatchObject({ code: 'MODEL_FILE' });
    await headrace.promote(small, 1);
    expect((await headrace.predict(small, 'again', requestOf(7))).version).toBe(1);
    await registry.close();
  });

  const hasPython = spawnSync('python3', ['--version']).status === 0;
  test.skipIf(!hasPython)('a Python script fills the same slot (skipped without python3)', async () => {
    const lines: string[] = [];
    const version = await headrace.train(python, { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['training on training-set.parquet with 4 features']);
    expect(version).toMatchObject({ version: 1, metrics: { slope: 0.25 } });
    await headrace.promote(python, version.version);
    // The first feature counts the askings of the last hour under the name: none by now.
    const { score } = await headrace.predict(python, 'q', requestOf(1));
    expect(score).toBeCloseTo(1 / (1 + Math.E), 6);
  });
});
