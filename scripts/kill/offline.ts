// Kills a process that writes an offline store at random points and checks the store after each:
// node scripts/kill/offline.ts [kills = 200] [seed = 1]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/rng.ts';
import { checkStore, killPublisher } from '../../test/offline/kill-publisher.ts';

const kills = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? 1);
const MOST_LINES = 12;
const MOST_TURNS = 500;

const random = seededRandom(seed);
const path = mkdtempSync(join(tmpdir(), 'offline-kill-'));
let last = 0;
for (let kill = 1; kill <= kills; kill += 1) {
  const at = { lines: 1 + random() * MOST_LINES, turns: random() * MOST_TURNS };
  await killPublisher(path, at);
  const now = await checkStore(path);
  if (now < last)
    throw new Error(`kill ${kill} after ${at.lines} lines: change ${last} was there before and ${now} is the last now`);
  last = now;
  if (kill % 20 === 0) console.log(`${kill} kills, ${last} changes published, nothing lost, nothing half visible`);
}
rmSync(path, { recursive: true, force: true });
