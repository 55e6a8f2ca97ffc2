import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Random, randomBelow } from '../../src/base/rng.ts';
import { frameOf, jobCommand, writeEmbeddedJob } from './embedded-program.ts';
import { type KillCounts, killRun } from './kill-run.ts';
import { runCount } from './run-program.ts';

/** Kills runs of an embedded trainer, boosted trees or a logistic regression; each must leave the bytes of one without kills. */
export async function killEmbedded(random: Random, kills: number): Promise<KillCounts> {
  const folder = mkdtempSync(join(tmpdir(), 'kill-embedded-'));
  try {
    const rows = 3_000 + randomBelow(random, 3_000);
    const options = { kind: 'boostedTrees', trees: 150, rowShare: 0.7, seed: randomBelow(random, 1000) };
    const command = jobCommand(await writeEmbeddedJob(folder, frameOf(randomBelow(random, 1000), rows), options));
    await runCount(folder, { command });
    const whole = readFileSync(join(folder, 'model.onnx'));
    return await killRun(random, kills, {
      spec: { command, checkpointSeconds: 0.05 },
      check(killed) {
        if (!readFileSync(join(killed, 'model.onnx')).equals(whole)) throw new Error('the model differs');
      },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
