// Drops old tiles of many keys, with commits in between, and prints one JSON line for each commit, then one for the end.
// Run: node sweep-writer.ts <directory of the store> <keys that are written first>
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { HOPS, KEYS, spend, tileOf } from './numbered-tiles.ts';

/** Starts of the tiles of each key: one block is old, one in half, and two are new. */
export const STARTS = [0, 40, 63, 64, 200].map((minute) => minute * HOPS[0]);

/** Tiles that end at or before this are dropped. */
export const DROPPED_BEFORE = 50 * HOPS[0];

/** What drops them. */
export const OLD = { layout: spend, horizons: [{ hopMs: HOPS[0], endedBefore: DROPPED_BEFORE }] };

/** The start of the tiles of a commit that comes while old tiles are dropped. */
export const amidStart = (commit: number) => (300 + commit) * HOPS[0];

export const keyOf = (i: number) => `many ${String(i).padStart(8, '0')}`;

const WRITTEN_AT_ONCE = 2_000;

if (process.argv[1]?.endsWith('sweep-writer.ts') === true) await main(process.argv[2], Number(process.argv[3]));

async function main(path: string, keys: number): Promise<void> {
  const store = openOnlineStore({ path });
  for (let from = 0; from < keys; from += WRITTEN_AT_ONCE) {
    const some = Array.from({ length: Math.min(WRITTEN_AT_ONCE, keys - from) }, (_, i) => keyOf(from + i));
    const tiles = some.flatMap((key) => STARTS.map((start) => tileOf(key, HOPS[0], start, 1)));
    await store.writeTiles({ writer: 'many', position: { t: [from] }, tiles });
  }
  let turns = 0;
  let commits = 0;
  let isDropping = true;
  const turn = () => {
    turns += 1;
    if (isDropping) setImmediate(turn);
  };
  setImmediate(turn);
  const dropped = Promise.resolve(store.dropTiles([OLD])).then(() => {
    isDropping = false;
  });
  while (isDropping) {
    const commit = store.openCommit?.();
    if (commit === undefined) throw new Error('the store takes no commits while it works');
    commits += 1;
    commit.add(KEYS.map((key) => tileOf(key, HOPS[0], amidStart(commits), 1)));
    await commit.finish({ writer: 'amid', position: { t: [commits] } });
    console.log(JSON.stringify({ commits }));
  }
  await dropped;
  console.log(JSON.stringify({ commits, turns, isDone: true }));
  await store.close();
}
