import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { floorTo } from '../../src/base/time.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { topicOf } from '../../src/featurestore/ingest/gateway.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import type { ServedVector } from '../../src/featurestore/online/served-vector.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { mustEqual } from '../../src/testing/contracts/contract.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { childEnv } from '../child-env.ts';
import { type KillPoint, killProcess } from '../kill-process.ts';
import { byUser, project, purchases, service, USERS } from './shop.ts';

const INGESTER = fileURLToPath(new URL('./ingester.ts', import.meta.url));

/** Starts the ingester at purchase `from`, kills it (SIGKILL) at a point; returns how many purchases it acknowledged. */
export async function killIngester(directory: string, from: number, seed: number, at: KillPoint): Promise<number> {
  const args = ['--conditions=headrace-source', INGESTER, directory, `${from}`, `${seed}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: childEnv() });
  // What stands before the last line end was printed whole.
  return Number((await killProcess(child, at)).split('\n').at(-2) ?? from);
}

/**
 * Opens everything again and checks it against a scan of the log: nothing acknowledged is missing, what is served and
 * the tiles of the history are the oracle's, and the history has every delivery once.
 */
export async function checkLoop(directory: string, acknowledged: number): Promise<void> {
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 3, cacheKeys: 1_000 } });
  const served: ServedVector[] = [];
  await headrace.flush();
  for (const user of USERS) served.push(await insideOf(headrace).features.read(service, { user }));
  await headrace.close();

  const log = openEventLog({ path: join(directory, 'log'), durability: 'process' });
  await log.openTopic(topicOf(purchases), 3);
  const partitions: Delivery[][] = [[], [], []];
  await readDeliveries(log, purchases, rowCodec(purchases.columns), [0, 0, 0], (partition, _, some) =>
    partitions[partition]?.push(...some),
  );
  const ends = await log.ends(topicOf(purchases));
  await log.close();
  mustEqual(
    partitions.map(({ length }) => length),
    ends.map(({ end }) => end),
    'deliveries by partition',
  );

  const ids = new Set(partitions.flat().map(({ id }) => id));
  for (let n = 0; n < acknowledged; n += 1) if (!ids.has(`p${n}`)) throw new Error(`purchase ${n} is lost`);

  const accepted = acceptedDeliveries(byUser, partitions.flat());
  const { encode } = entityKeyCodec(byUser.entity.key);
  USERS.forEach((user, i) => {
    const { at, values } = served[i] ?? { at: 0, values: [] };
    mustEqual(values, naiveAnswers(byUser, accepted, encode([user]) ?? '', at), `what is served for "${user}"`);
  });
  await checkHistory(directory, partitions, accepted);
}

async function checkHistory(
  directory: string,
  partitions: readonly (readonly Delivery[])[],
  accepted: readonly Delivery[],
): Promise<void> {
  const offline = await openOfflineStore({ path: join(directory, 'offline'), access: 'read', clock: Date.now });
  const rows = async (sql: string): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const batch of offline.query(sql)) found.push(...batch);
    return found;
  };
  try {
    const raw = offline.relation(rawTable(purchases));
    const deliveries = await rows(`SELECT _partition, _offset, purchase, "at", _ingest_ts FROM ${raw} ORDER BY ALL`);
    const wanted = partitions.flatMap((some, partition) =>
      some.map(({ id, ts, ingestTs }, offset) => [partition, offset, id, ts, ingestTs].map(bigint)),
    );
    mustEqual(deliveries, wanted, 'the raw deliveries');
    const judged = await rows(`SELECT purchase FROM ${raw} WHERE _verdict = 'accepted' ORDER BY ALL`);
    mustEqual(judged.flat(), accepted.map(({ id }) => id).sort(), 'the deliveries with the verdict "accepted"');
    for (const hopMs of byUser.hopsMs) {
      const tiles = offline.relation(tileTable(byUser, hopMs));
      const newest = await rows(`SELECT k_user, tile_start, n, spent_sum FROM ${tiles}
        QUALIFY ROW_NUMBER() OVER (PARTITION BY k_user, tile_start ORDER BY version DESC) = 1 ORDER BY ALL`);
      mustEqual(newest, naiveTiles(accepted, hopMs), `the tiles of ${hopMs} ms`);
    }
  } finally {
    await offline.close();
  }
}

/** User, start, count and sum of every tile, by adding up events. */
function naiveTiles(accepted: readonly Delivery[], hopMs: number): readonly unknown[] {
  const tiles = new Map<string, [user: string, start: bigint, n: bigint, sum: bigint]>();
  for (const { ts, row } of accepted) {
    const user = String(row[2]);
    const start = floorTo(ts, hopMs);
    const tile = tiles.get(`${start} ${user}`) ?? [user, BigInt(start), 0n, 0n];
    tiles.set(`${start} ${user}`, [tile[0], tile[1], tile[2] + 1n, tile[3] + BigInt(Number(row[4]))]);
  }
  return [...tiles.values()].sort(
    (a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])) || Number(a[1] - b[1]),
  );
}

function bigint(value: string | number): string | bigint {
  return typeof value === 'number' ? BigInt(value) : value;
}
