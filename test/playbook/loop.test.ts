import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alertsReport } from '../../src/findings/alerts/alerts-report.ts';
import type { CauseReport } from '../../src/monitoring/cause/causes.ts';
import type { ValueChange } from '../../src/ports/playbook-store.ts';
import { insideOf } from '../../src/running/inside.ts';
import { readDriftReport } from '../../src/server/routes/drift-report.ts';
import { WatchedRun, watchedProject } from './watched-project.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-playbook-'));
let run: WatchedRun;

/** Decisions since the last look. */
let seen = 0;
async function news(): Promise<readonly string[]> {
  const all = await run.decisions();
  const fresh = all.slice(seen);
  seen = all.length;
  return fresh;
}

beforeAll(async () => {
  const declared = watchedProject({
    owner: 'risk',
    quality: { defaults: { gaps: 0.5 }, clear: 1 },
    retrain: { rows: 200, cooldown: '1h' },
    gate: { recent: '1h', rows: 100 },
    shadow: { labels: 100 },
  });
  run = await WatchedRun.open(directory, declared);
  await run.firstChampion();
}, 600_000);

afterAll(async () => {
  await run.headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('a model whose playbook acts', () => {
  test('quiet hours have no decision', async () => {
    for (const at of [1, 2]) await run.hour(at);
    expect(await news()).toEqual([]);
  });

  test('a faulty input is stopped until the fault is gone; a declared value without gain is not put in', async () => {
    await run.hour(3, { gapless: true });
    // Its loss is the same with the declared value: the model gets what came.
    expect(await news()).toEqual([
      'stopFeatures gaps',
      'open watched/qualityFault/gaps+missing',
      'tryRemedy',
      'refuseRemedy',
    ]);
    const { models } = insideOf(run.headrace);
    expect(models.named('watched').inputGuard()).toBeNull();
    expect(run.headrace.degraded().join()).toContain('feature gaps of model watched is faulty');
    await run.hour(4);
    expect(await news()).toEqual(['releaseFeatures gaps', 'resolve watched/qualityFault/gaps+missing']);
    expect(models.named('watched').inputGuard()).toBeNull();
  }, 600_000);

  test('a concept drift is answered by a new version, which becomes champion by gate, paired shadow and canary', async () => {
    for (let at = 5; at <= 12; at += 1) await run.hour(at, { turned: true });
    const steps = (await news()).filter((one) => !one.startsWith('wait'));
    expect(steps).toEqual([
      'open watched/conceptDrift/brier',
      'retrain',
      'gate',
      'rollOut',
      'pass',
      'resolve watched/conceptDrift/brier',
      'end promoted',
    ]);
    const { champion, versions } = await run.headrace.versions(run.watched);
    expect([champion, versions.length]).toEqual([2, 2]);
    // The same findings are incidents, one for each cause, by the clock of the run.
    const { open, resolved } = await alertsReport(await insideOf(run.headrace).site.alerts(), run.now);
    expect(open).toEqual([]);
    expect(resolved.map(({ fingerprint }) => fingerprint)).toEqual([
      'watched/conceptDrift/',
      'watched/qualityFault/gaps+missing',
    ]);
    expect(run.headrace.status().monitors.watch).toBe('watched');
    const entries = await run.headrace.playbook(run.watched).journal.entries();
    const retrain = entries.find((entry) => entry.kind === 'decided' && entry.action.do === 'retrain');
    expect(versions[1].lineage.decision).toBe(retrain?.kind === 'decided' ? retrain.id : '');
    // It learned neither from the old concept nor from the hour of the fault.
    expect(versions[1].lineage.trainingSet.from).toBeGreaterThan(run.now - 9 * 3_600_000);
  }, 600_000);

  test('the acts of the playbook, the steps of the rollout and the moves of aliases stand on one time line', async () => {
    const query = { from: String(run.now - 13 * 3_600_000), to: String(run.now), of: 'causes' };
    const answer = await readDriftReport.run({ headrace: run.headrace } as never, { name: 'watched', query } as never);
    const { timeLine } = JSON.parse(String(answer.body)) as CauseReport;
    const decided = timeLine.filter(({ kind }) => ['deploy', 'rollout', 'playbook'].includes(kind));
    const instants = decided.map(({ at }) => at);
    expect(instants).toEqual([...instants].sort((a, b) => a - b));
    const steps = decided.map(({ kind, text }) => `${kind} ${text.split(/[ :]/, 1)[0]}`);
    const story = ['playbook stop', 'playbook release', 'playbook retrain', 'playbook compare', 'playbook roll'];
    const rollout = ['started', 'canaried', 'raised', 'promoted'].map((step) => `rollout ${step}`);
    let from = 0;
    for (const step of [...story, ...rollout]) {
      const found = steps.indexOf(step, from);
      expect(found, `${step} after ${steps[from]} in ${steps.join(', ')}`).toBeGreaterThanOrEqual(from);
      from = found;
    }
    expect(steps).toContain('playbook end');
    expect(timeLine).toContainEqual(
      expect.objectContaining({ kind: 'deploy', text: expect.stringMatching(/version 2 after 1/) }),
    );
  }, 600_000);

  test('a declared value is measured on labelled rows of the project, with the fault put in where none has it', async () => {
    const { start } = run;
    const of = { version: 1, features: ['number'], rows: 'all', values: { number: 0 }, exclude: [] } as const;
    const sound = { from: start, to: start + 3_600_000 };
    const none = { from: start - 3_600_000, to: start };
    const tried = (change: ValueChange | null, between = none) =>
      run.actions().tryRemedy('trial', { do: 'tryRemedy', ...of, change, between, sound });
    expect(await tried({ share: 1, times: 1000 })).toMatchObject({ verdict: 'gain', basis: 'reference' });
    expect(await tried({ share: 1, plus: 0 })).toMatchObject({ verdict: 'loss', basis: 'reference' });
    expect(await tried(null)).toMatchObject({ verdict: 'none', basis: 'nothing' });
    // These rows are sound: to replace them costs.
    expect(await tried(null, sound)).toMatchObject({ verdict: 'loss', basis: 'labels' });
  }, 600_000);

  test('the same decisions follow from the journal, and the same findings from the history', async () => {
    const replay = await run.headrace.replayPlaybook(run.watched, { history: true });
    expect(replay).toMatchObject({ different: [], changedInputs: [] });
    expect(replay.decisions).toBe((await run.decisions()).length);
    expect(run.faults).toEqual([]);
  }, 600_000);
});
