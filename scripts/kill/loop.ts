// Kills a process that takes events at random points and checks every store against a scan of the log after each:
// node --conditions=headrace-source scripts/kill/loop.ts [kills = 200] [seed = 1]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/rng.ts';
import { checkLoop, killIngester } from '../../test/loop/kill-loop.ts';

const kills = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? 1);
const MOST_LINES = 60;
const MOST_TURNS = 500;
/** The scan is of everything since the first event: after this many kills a new directory is begun. */
const KILLS_A_DIRECTORY = 20;

const random = seededRandom(seed);
let directory = '';
let acknowledged = 0;
let all = 0;
for (let kill = 0; kill < kills; kill += 1) {
  if (kill % KILLS_A_DIRECTORY === 0) {
    all += acknowledged;
    acknowledged = 0;
    directory = mkdtempSync(join(tmpdir(), 'kill-loop-'));
  }
  acknowledged = await killIngester(directory, acknowledged, seed * 1_000 + kill, {
    lines: 1 + random() * MOST_LINES,
    turns: random() * MOST_TURNS,
  });
  await checkLoop(directory, acknowledged);
  if ((kill + 1) % KILLS_A_DIRECTORY !== 0) continue;
  rmSync(directory, { recursive: true, force: true });
  console.log(`${kill + 1} kills, ${all + acknowledged} events acknowledged, every store equal to a scan of the log`);
}
