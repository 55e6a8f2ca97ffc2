import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { runs } from '../runs.ts';
import { checkPredictions, killPredictor, nothingAcknowledged } from './prediction-kill.ts';
import { prepare } from './prediction-project.ts';

const KILLS = runs(2, 60);
/** Lines that the process has printed at most when it is killed. */
const MOST_LINES = 1_500;

// scripts/kill/predictions.ts does this at hundreds of random points.
test('each prediction that a killed process has acknowledged is in the history once, with its label', {
  timeout: 180_000 + KILLS * 30_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kill-predictions-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await prepare(directory);
  const acknowledged = nothingAcknowledged();
  const random = seededRandom(KILLS);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await killPredictor(directory, acknowledged, kill, {
      lines: 1 + Math.floor(random() * MOST_LINES),
      turns: Math.floor(random() * 50),
    });
    await checkPredictions(directory, acknowledged);
  }
  expect(acknowledged.scores.size).toBeGreaterThan(KILLS);
});

test('a process that is killed while ids wait for their labels on the disk has each label once when it is opened again', {
  timeout: 240_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kill-waiting-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await prepare(directory);
  const acknowledged = nothingAcknowledged();
  // About a thousand ids fit into the share of this memory.
  const memory = '16MiB';
  const stored: number[] = [];
  for (const [kill, lines] of [2_400, 300].entries()) {
    await killPredictor(directory, acknowledged, kill, { lines, turns: 3 }, memory);
    stored.push(await checkPredictions(directory, acknowledged, memory));
  }
  expect(Math.min(...stored)).toBeGreaterThan(0);
  expect(acknowledged.labels.size).toBeGreaterThan(500);
});
