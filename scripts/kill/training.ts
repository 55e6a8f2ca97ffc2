import { seededRandom } from '../../src/base/rng.ts';
import { killEmbedded } from '../../test/training/kill-embedded.ts';
import { type KillCounts, killRun, killsOf } from '../../test/training/kill-run.ts';

/**
 * Kills training runs until each kind of kill has happened often enough: `node scripts/kill/training.ts [kills] [seed] [program]`.
 * A third of the kills each: the controller, a rank, a rank inside a checkpoint write. `program`: `counting`, or `embedded` for
 * boosted trees, whose model must be the same bit by bit.
 */
const kills = Number(process.argv[2] ?? 300);
const random = seededRandom(Number(process.argv[3] ?? 1));
const isEmbedded = process.argv[4] === 'embedded';
const total: KillCounts = { controller: 0, rank: 0, insideCheckpoint: 0 };
let runs = 0;
while (killsOf(total) < kills || Math.min(total.controller, total.insideCheckpoint) < kills / 6) {
  const counts = await (isEmbedded ? killEmbedded(random, 8) : killRun(random, 8));
  total.controller += counts.controller;
  total.rank += counts.rank;
  total.insideCheckpoint += counts.insideCheckpoint;
  runs += 1;
  if (runs % 5 === 0) console.log(`${runs} runs, ${JSON.stringify(total)}, each as without kills`);
}
console.log(`${runs} runs, ${JSON.stringify(total)}, each as without kills`);
