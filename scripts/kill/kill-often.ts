import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/rng.ts';
import type { KillPoint } from '../../test/kill-process.ts';

/** This many turns of this process later at most, so that kills meet every place of a write. */
const MOST_TURNS = 500;

/**
 * Kills one store's writer again and again, each time after up to `mostLines` of its lines, so that each run begins with what
 * the kill before left. `killOnce` kills, checks and gives how much there is now; it learns how much there was.
 */
export async function killOften(
  { name, what, mostLines }: { readonly name: string; readonly what: string; readonly mostLines: number },
  killOnce: (path: string, at: KillPoint, last: number) => Promise<number>,
): Promise<void> {
  const kills = Number(process.argv[2] ?? 200);
  const random = seededRandom(Number(process.argv[3] ?? 1));
  const path = mkdtempSync(join(tmpdir(), `${name}-kill-`));
  let last = 0;
  for (let kill = 1; kill <= kills; kill += 1) {
    last = await killOnce(path, { lines: 1 + random() * mostLines, turns: random() * MOST_TURNS }, last);
    if (kill % 20 === 0) console.log(`${kill} kills, ${last} ${what}, nothing lost, nothing half there`);
  }
  rmSync(path, { recursive: true, force: true });
}
