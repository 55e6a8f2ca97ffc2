import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { liveBreach } from '../../src/playbook/live-breach.ts';
import { insideOf } from '../../src/running/inside.ts';
import { WatchedRun, watchedProject } from './watched-project.ts';

const HOUR_MS = 3_600_000;
const by = { by: 'ann', reason: 'by hand' };

test('no look of a soak takes a version back that is certainly better than the previous one; a later look takes a worse one back', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-soak-'));
  const run = await WatchedRun.open(
    directory,
    watchedProject({ retrain: false }, { shadow: false, success: false, soak: '3d' }),
  );
  onTestFinished(async () => {
    await run.headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });
  await run.firstChampion();
  const { headrace, watched } = run;
  for (const at of [1]) await run.traffic(at, { turned: true, logged: true });
  await headrace.train(watched, { from: run.start + HOUR_MS, to: run.now });
  const control = headrace.rollout(watched);
  await control.start(2, by);
  await control.promote(by);
  const { offline, rollouts } = insideOf(headrace).stores;
  const look = async () => {
    await headrace.tick();
    const newest = await rollouts.newest('watched');
    expect(newest?.state).toBe('soaking');
    const own = newest === null ? null : await liveBreach(watched, offline, newest, run.now);
    const { rollout } = await run.actions().observe({ now: run.now, at: run.now });
    return { own, breach: rollout?.breach ?? null };
  };
  // The second version learned that all labels turned; a fifth turned back. The first one is wrong in all the others.
  let called = 0;
  for (const at of [2, 3]) {
    await run.traffic(at, { turned: ({ category }) => category > 0, logged: true });
    const { own, breach } = await look();
    if (own !== null) called += 1;
    expect(breach, `hour ${at}`).toBeNull();
  }
  expect(called).toBeGreaterThan(0);
  // All labels turn back: the second version is now the worse one.
  for (const at of [4, 5, 6]) await run.traffic(at, { logged: true });
  const { breach } = await look();
  expect(breach).toMatch(/^the loss of version 2 is .* less that of version 1 on the same \d+ rows: /);
});
