import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { small } from '../models/small-project.ts';
import { until } from '../until.ts';
import { batchSite, inputRows, outputBytes, outputRows, siteContext, writeInput } from './batch-site.ts';

/** More kills for a run by hand: `HEADRACE_BATCH_KILLS=200`. */
const KILLS = Number(process.env['HEADRACE_BATCH_KILLS'] ?? 3);
const ROWS = 40 * KILLS < 3_000 ? 3_000 : 40 * KILLS * 6;

let site: string;
beforeAll(async () => {
  site = await batchSite();
});

/** Processes whose parent is this one. */
function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

test(`workers and coordinator killed ${KILLS} times at random: each row once, and the bytes of a run without kills`, async () => {
  const rng = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 1));
  const input = await writeInput(inputRows(ROWS), join(site, 'in.parquet'));
  const whole = join(site, 'whole');
  await (await startBatch(small, { from: input, to: whole, workers: 2, mostErrors: 0.5 }, siteContext(site))).result;
  let kills = 0;
  for (let round = 0; kills < KILLS; round += 1) {
    const to = join(site, `killed-${round}`);
    while (readBatchManifest(to) === null) kills += await runWithKill(input, to, kills < KILLS ? rng : null);
    expect(outputBytes(to)).toEqual(outputBytes(whole));
    expect((await outputRows(to)).map(([row]) => row)).toEqual(Array.from({ length: ROWS }, (_, i) => i));
  }
}, 3_600_000);

/** Runs the coordinator to its end, or to its own death; gives the number of kills. */
async function runWithKill(input: string, to: string, rng: (() => number) | null): Promise<number> {
  const child = fork(new URL('./processes/coordinator.ts', import.meta.url), [site, input, to], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: ['--conditions=headrace-source'],
  });
  let lines = 0;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    lines += text.split('\n').length - 1;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  let kills = 0;
  while (rng !== null && !hasEnded()) {
    // A kill a few partitions later; of the coordinator, or of one of its workers, at any place of what it does then.
    const at = lines + Math.floor(rng() * 4);
    await until(() => lines >= at || hasEnded());
    const chosen = rng();
    const victims = chosen < 0.4 ? [child.pid ?? 0] : childrenOf(child.pid ?? 0);
    const victim = victims[Math.floor(rng() * victims.length)];
    if (hasEnded() || victim === undefined) continue;
    try {
      process.kill(victim, 'SIGKILL');
      kills += 1;
    } catch {
      // It has ended already.
    }
    if (victim === child.pid) break;
    const after = lines;
    // The job continues with another worker.
    await until(() => lines > after || hasEnded());
  }
  await closed;
  return kills;
}
