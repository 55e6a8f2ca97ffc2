import { mayHave } from './entity-record.ts';
import { bytesOf, listOf, type RedisLink, type Reply } from './redis-link.ts';
import { placeOf, type RecordPlace, type StoreKeys } from './store-keys.ts';

/**
 * Works on every record that has a section whose name begins so, or may have one in its hash: the others are left after a look at their
 * bytes here, which costs the server less than a script. Errors: REDIS_*, and those of the work.
 */
export async function eachRecordWith(
  { link, keys }: { readonly link: RedisLink; readonly keys: StoreKeys },
  beginnings: readonly string[],
  work: (record: RecordPlace) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const begin = beginnings.map((each) => Buffer.from(each));
  for await (const found of link.scan(keys.records())) {
    if (signal?.aborted === true) return;
    const records = await recordsOf(link, found);
    const wanted = found.filter((_, i) => {
      const record = bytesOf(records[i]);
      return record !== null && mayHave(record, begin);
    });
    await link.within(Promise.all(wanted.map((key) => work(keys.recordOf(key)))));
  }
}

function recordsOf(link: RedisLink, found: readonly string[]): Promise<readonly Reply[]> {
  const places = found.map(placeOf);
  if (link.isCluster)
    return link.within(Promise.all(places.map((place) => link.sendUnlimited(place, ['GET', place.key]))));
  return link.send(places[0], ['MGET', ...found]).then(listOf);
}
