import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { batchTable } from '../../src/features/plan/batch-table.ts';
import { BatchSchedule } from '../../src/featurestore/batch/batch-schedule.ts';
import { childEnv } from '../child-env.ts';
import { killProcess } from '../kill-process.ts';
import { newRoot } from '../stores/new-root.ts';
import { killedKey, killedRows, openKilled } from './killed-runs.ts';
import { numberedKey, numberedSql, numberedValues, viewOf } from './numbered-rows.ts';

const RUNNER = fileURLToPath(new URL('./batch-runner.ts', import.meta.url));
/** Lines of a run: replace, two slices, switching, switched, append, done. */
const LINES_A_RUN = 7;

/** Opens the stores again: one run is served whole, and the history has it. Gives its generation. */
async function checkRuns(path: string, runAgain = false): Promise<number> {
  const open = await openKilled(path);
  const { online, offline } = open;
  let stamp = 0;
  const view = viewOf(killedKey, () => numberedSql(killedKey, killedRows, `i % 4 <> ${stamp % 4}`, stamp));
  try {
    const schedule = await BatchSchedule.open({ ...open, views: [view] });
    const keys = Array.from({ length: killedRows }, (_, i) => numberedKey(killedKey, i));
    const served = async () => {
      const reads = keys.map((key) => ({ viewId: 'numbered@1', features: view.features, key }));
      const answers = await online.readBatch(reads);
      const generation = answers[0]?.generation.generation ?? 0;
      const values = answers.map((answer) => answer?.values ?? null);
      const first = values.findIndex((each) => each !== null);
      // The stamp is that of the values: a generation may have failed before.
      const of = first < 0 ? 0 : Number(values[first]?.[0]) - first;
      return { generation, values, of };
    };
    const whole = (of: number) => keys.map((_, i) => (i % 4 === of % 4 ? null : numberedValues(i, of)));
    const found = await served();
    if (found.generation > 0) expect(found.values).toEqual(whole(found.of));
    const kept: (readonly number[])[] = [];
    const sql = `SELECT generation, COUNT(*), COUNT(DISTINCT k_k), MIN(f_n - CAST(f_many[1] AS BIGINT)), MAX(f_many[2]) FROM ${offline.relation(batchTable(view))} GROUP BY 1 ORDER BY 1`;
    for await (const rows of offline.query(sql)) kept.push(...rows.map((row) => row.map(Number)));
    for (const [, rows, distinct, least, most] of kept) {
      expect(distinct).toBe(rows);
      expect(rows).toBe(whole(most).filter((each) => each !== null).length);
      expect(least).toBe(most);
    }
    expect(kept.at(-1)?.[0] ?? 0).toBe(found.generation);
    // Files of the runs of dead processes are gone.
    expect(readdirSync(join(path, 'offline', 'scratch')).filter((name) => name.endsWith('.run'))).toEqual([]);
    if (runAgain) {
      stamp = found.of + 1;
      await schedule.run(view, { acceptLoss: true });
      expect((await served()).values).toEqual(whole(stamp));
    }
    return found.generation;
  } finally {
    await online.close();
    await offline.close();
  }
}

test('kill −9 anywhere in a run: readers and history have one run, whole, and the next run works', {
  timeout: 600_000,
}, async () => {
  const path = newRoot();
  let last = 0;
  // After the first slices, during a switch, between switch and history, in the second run, before its file is read.
  for (const lines of [2, 4, 5, LINES_A_RUN, LINES_A_RUN + 2, LINES_A_RUN + 4]) {
    const child = spawn(process.execPath, [RUNNER, path], { stdio: ['ignore', 'pipe', 'inherit'], env: childEnv() });
    const printed = await killProcess(child, { lines });
    const done = [...printed.matchAll(/^done (\d+)$/gm)].map(([, generation]) => Number(generation));
    const generation = await checkRuns(path, lines === LINES_A_RUN);
    expect(generation).toBeGreaterThanOrEqual(Math.max(last, ...done));
    last = generation;
  }
  expect(last).toBeGreaterThan(1);
});
