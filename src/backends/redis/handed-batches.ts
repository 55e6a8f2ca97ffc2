import { type HandedBatch, type HandOver, MOST_HANDED } from '../../ports/hand-over.ts';
import { bytesOf, listOf, type RedisLink } from './redis-link.ts';
import type { StoreKeys } from './store-keys.ts';

/** Bytes of a batch's id at most, before a zero byte. */
const LONGEST_ID = 200;

/** Batches as a list, the oldest first: `id 0 bytes`. Readers append, and the process that writes trims. */
export function handedBatches(link: RedisLink, { handed }: Pick<StoreKeys, 'handed'>): HandOver {
  return {
    async push({ id, bytes }) {
      if (Number(await link.send(handed, ['LLEN', handed.key])) >= MOST_HANDED) return false;
      const entry = Buffer.concat([Buffer.from(id), Buffer.of(0), bytes]);
      await link.send(handed, ['RPUSH', handed.key, entry]);
      return true;
    },
    async peek(most) {
      const entries = listOf(await link.send(handed, ['LRANGE', handed.key, '0', String(most - 1)]));
      return entries.flatMap((entry) => batchOf(bytesOf(entry)));
    },
    async drop(ids) {
      await link.send(handed, ['LTRIM', handed.key, String(ids.length), '-1']);
    },
  };
}

/** An entry that is no batch has an empty id, so that it can be dropped. */
function batchOf(entry: Buffer | null): readonly HandedBatch[] {
  const bytes = entry ?? Buffer.alloc(0);
  const end = bytes.subarray(0, LONGEST_ID).indexOf(0);
  if (end < 0) return [{ id: '', bytes: new Uint8Array(0) }];
  return [{ id: bytes.toString('utf8', 0, end), bytes: Uint8Array.from(bytes.subarray(end + 1)) }];
}
