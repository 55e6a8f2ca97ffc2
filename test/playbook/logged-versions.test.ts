import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectGarbage } from '../../src/registry/collect-garbage.ts';
import { lineageOf } from '../../src/registry/lineage.ts';
import { giveReference } from '../../src/running/give-reference.ts';
import { insideOf } from '../../src/running/inside.ts';
import { driftToPromotion, openLoggedRun, PROMOTION } from './logged-run.ts';
import type { WatchedRun } from './watched-project.ts';

const DAY_MS = 86_400_000;
const TRAINER = fileURLToPath(new URL('./processes/mlflow-trainer.ts', import.meta.url));

let directory: string;
let run: WatchedRun;
let close: () => Promise<void>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headrace-logged-'));
  const opened = await openLoggedRun(directory, [process.execPath, '--conditions=headrace-source', TRAINER]);
  run = opened.run;
  close = opened.close;
  await run.firstChampion();
}, 600_000);

afterAll(async () => {
  await close();
  rmSync(directory, { recursive: true, force: true });
});

describe('a model whose versions an MLflow client logs', () => {
  test('a version of a training job has the lineage of the job, and a reference that the collector leaves alone', async () => {
    const { registry, artifacts } = insideOf(run.headrace).stores;
    const record = await registry.versionRecord('watched', 1);
    if (record === null) throw new Error('there is no version');
    expect(record.trained).toBeNull();
    const lineage = lineageOf(record);
    expect(lineage).toMatchObject({ service: `${run.watched.service.name}@1`, rows: 3000, decision: null });
    await collectGarbage({ registry, artifacts }, run.now + 2 * DAY_MS);
    expect((await artifacts.get(lineage.reference ?? '')).length).toBeGreaterThan(0);
  });

  test('a concept drift ends in the promotion of a version that the program logged', async () => {
    expect(await driftToPromotion(run)).toEqual(PROMOTION);
    const { registry } = insideOf(run.headrace).stores;
    expect(await registry.alias('watched', 'champion')).toBe(2);
    const record = await registry.versionRecord('watched', 2);
    const entries = await run.headrace.playbook(run.watched).journal.entries();
    const retrain = entries.find((entry) => entry.kind === 'decided' && entry.action.do === 'retrain');
    expect(record?.trained).toBeNull();
    expect(record === null ? null : lineageOf(record).decision).toBe(retrain?.kind === 'decided' ? retrain.id : '');
    expect(run.faults).toEqual([]);
  }, 600_000);

  test('a decision that is carried out again finds the version by the tags of its run', async () => {
    const { registry } = insideOf(run.headrace).stores;
    // A process that died before it gave the version its lineage left the tags of the run alone.
    for (const key of ['headrace.decision', 'headrace.reference'])
      await registry.untagVersion('watched', 2, key, run.now);
    const entries = await run.headrace.playbook(run.watched).journal.entries();
    const retrain = entries.find((entry) => entry.kind === 'decided' && entry.action.do === 'retrain');
    if (retrain?.kind !== 'decided' || retrain.action.do !== 'retrain') throw new Error('nothing was trained');
    const again = await run.actions().retrain(retrain.id, retrain.action);
    expect(again.version).toBe(2);
    expect(await registry.versionNumbers('watched')).toEqual([1, 2]);
    const record = await registry.versionRecord('watched', 2);
    expect(record?.tags.map(({ key }) => key)).toContain('headrace.reference');
  });

  test('the same decisions follow from the journal, and the same findings from the history', async () => {
    const replay = await run.headrace.replayPlaybook(run.watched, { history: true });
    expect(replay).toMatchObject({ different: [], changedInputs: [] });
  }, 600_000);

  test('a version without lineage is watched for its scores and losses, and says by code how its features can be', async () => {
    const { registry, artifacts } = insideOf(run.headrace).stores;
    for (const key of ['headrace.decision', 'headrace.reference'])
      await registry.untagVersion('watched', 2, key, run.now);
    // An instant is judged once, so each look is at a later one.
    const seen = await run.actions().observe({ now: run.now + 1, at: run.now + 1 });
    const reasons = new Map(seen.monitors.map(({ kind, reason }) => [kind, reason]));
    expect(reasons.get('featureDrift')).toMatch(/^DRIFT_REFERENCE: .*headrace registry reference/);
    expect(reasons.get('conceptDrift')).not.toMatch(/REFERENCE/);
    const path = join(directory, 'set.parquet');
    await run.headrace.writeTrainingSet(run.watched, path, { to: run.now });
    const place = { project: run.project, registry, artifacts, clock: () => run.now };
    const given = await giveReference(place, { model: 'watched', version: 2, path });
    expect(given.features).toBe(run.watched.service.features.length);
    const after = await run.actions().observe({ now: run.now + 2, at: run.now + 2 });
    expect(after.monitors.find(({ kind }) => kind === 'featureDrift')?.reason).not.toMatch(/DRIFT_REFERENCE/);
  }, 600_000);
});
