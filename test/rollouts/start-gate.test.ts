import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { settledBefore } from '../../src/model/label-maturity.ts';
import { rolloutReport } from '../../src/serving/rollout/rollout-report.ts';
import { type Hour, WatchedRun, watchedProject } from '../playbook/watched-project.ts';

const HOUR_MS = 3_600_000;
/** Labels say the opposite, and numbers are larger. */
const CHANGED: Hour = { turned: true, shift: 2, logged: true };
const by = { by: 'ann', reason: 'retrained' };

test('a start by a person measures the gate of a playbook: moved scores trip nothing where it explains them', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-start-'));
  const declared = watchedProject(
    { retrain: false, gate: { recent: '30m', rows: 100 } },
    { shadow: '1h', requests: 100, success: false, guardrails: { p99: false } },
  );
  const run = await WatchedRun.open(directory, declared);
  onTestFinished(async () => {
    await run.headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });
  await run.firstChampion();
  const { headrace, watched } = run;
  const { start } = run;
  await run.traffic(1, CHANGED);
  run.now += 2 * HOUR_MS;
  const settled = settledBefore(watched.label, run.now);
  const recent = { from: settled - HOUR_MS / 2, to: settled };
  const versions = [
    { trained: 'before the newest rows', from: start + HOUR_MS, to: recent.from, says: /^loss on \d+ newest rows / },
    { trained: 'on the newest rows too', from: start + HOUR_MS, to: run.now, says: /^not measured: its training set/ },
  ];
  for (const { from, to } of versions) await headrace.train(watched, { from, to });
  const control = headrace.rollout(watched);
  const found = [];
  for (const [i, { trained, says }] of versions.entries()) {
    await control.start(i + 2, by);
    await run.traffic(4 + i, CHANGED);
    await run.judge();
    const status = await control.status();
    expect(status && rolloutReport(status).gate?.reason, trained).toMatch(says);
    expect(status?.evidence.shadow.requests, trained).toBeGreaterThan(300);
    const { explained } = status?.rollout.plan.guardrails ?? {};
    found.push({ trained, explained, state: status?.rollout.state });
    if ((await control.active()) !== null) await control.rollBack(by);
  }
  const byPlaybook = await run.actions().gate(
    'oracle',
    {
      do: 'gate',
      ...{ version: 2, champion: 1, recent, old: null, oldDecides: false, exclude: [] },
    },
    { tolerance: 0.1, alpha: 0.05, rows: 100 },
  );
  expect(byPlaybook.explained?.distance).toBeGreaterThan(0.2);
  expect(found).toEqual([
    { trained: versions[0].trained, explained: byPlaybook.explained, state: 'canary' },
    { trained: versions[1].trained, explained: undefined, state: 'rolledBack' },
  ]);
});
