import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/rng.ts';

const LATEST_MS = 200;

/**
 * Kills one store's writer again and again, each time up to 200 ms after its first write, so that each run begins with what
 * the kill before left. `killOnce` kills, checks and gives how much there is now; it is told how much there was.
 */
export async function killOften(
  name: string,
  what: string,
  killOnce: (path: string, afterMs: number, last: number) => Promise<number>,
): Promise<void> {
  const kills = Number(process.argv[2] ?? 200);
  const random = seededRandom(Number(process.argv[3] ?? 1));
  const path = mkdtempSync(join(tmpdir(), `${name}-kill-`));
  let last = 0;
  for (let kill = 1; kill <= kills; kill += 1) {
    last = await killOnce(path, random() * LATEST_MS, last);
    if (kill % 20 === 0) console.log(`${kill} kills, ${last} ${what}, nothing lost, nothing half there`);
  }
  rmSync(path, { recursive: true, force: true });
}
