// Kills a process that predicts at random points and checks its predictions and labels after each:
// node --conditions=headrace-source scripts/kill/predictions.ts [kills = 200] [seed = 1]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/rng.ts';
import { checkPredictions, killPredictor, nothingAcknowledged } from '../../test/loop/prediction-kill.ts';
import { prepare } from '../../test/loop/prediction-project.ts';

const kills = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? 1);
/** Lines that the process has printed at most when it is killed. */
const MOST_LINES = 1_500;

const random = seededRandom(seed);
const directory = mkdtempSync(join(tmpdir(), 'kill-predictions-'));
await prepare(directory);
const acknowledged = nothingAcknowledged();
for (let kill = 1; kill <= kills; kill += 1) {
  await killPredictor(directory, acknowledged, seed * 1_000 + kill, {
    lines: 1 + Math.floor(random() * MOST_LINES),
    turns: Math.floor(random() * 50),
  });
  await checkPredictions(directory, acknowledged);
  if (kill % 10 === 0 || kill === kills)
    console.log(
      `${kill} kills, ${acknowledged.scores.size} predictions and ${acknowledged.labels.size} labels acknowledged, each in the history once`,
    );
}
rmSync(directory, { recursive: true, force: true });
