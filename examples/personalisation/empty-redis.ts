import { createClient } from 'redis';

/** Removes the keys of a namespace: what an earlier run left, whose log is gone. */
export async function emptyRedis(url: string, namespace: string): Promise<void> {
  const client = await createClient({ url }).connect();
  try {
    for await (const keys of client.scanIterator({ MATCH: `${namespace}:*`, COUNT: 1_000 }))
      if (keys.length > 0) await client.unlink(keys);
  } finally {
    client.destroy();
  }
}
