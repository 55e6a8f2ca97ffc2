import { fail } from '../../base/errors/fail.ts';
import { type RedisLink, textOf } from './redis-link.ts';

/** Whether every primary is a server that the store can be in. Errors: REDIS_VERSION, REDIS_POLICY. */
export async function checkServers(link: RedisLink): Promise<void> {
  for (const info of await link.within(link.sendToAll(['INFO', 'server']))) {
    const found = /redis_version:(\S+)/.exec(textOf(info))?.[1] ?? '';
    if (Number.parseInt(found, 10) < 7) throw fail('REDIS_VERSION', { address: link.address, found });
  }
  await checkPolicy(link);
}

/** An evicted tile would make a sum smaller, unnoticed. Error: REDIS_POLICY. */
export async function checkPolicy(link: RedisLink): Promise<void> {
  for (const info of await link.within(link.sendToAll(['INFO', 'memory']))) {
    const policy = /maxmemory_policy:(\S+)/.exec(textOf(info))?.[1] ?? 'noeviction';
    if (policy !== 'noeviction') throw fail('REDIS_POLICY', { address: link.address, policy });
  }
}
