// @module-tag deep

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import { RedisLink } from '../../src/backends/redis/redis-link.ts';
import type { RedisOptions } from '../../src/backends/redis/redis-options.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { anyOperation, apply } from '../stores/online-operations.ts';
import { addressOf, freshOptions } from './addresses.ts';

/** Namespaces that begin with one another, or end as keys of the store do. */
const endings = ['', '-', '_t', 't', '0'];

interface Project {
  readonly options: RedisOptions;
  readonly memory: OnlineStore;
  store: OnlineStore;
  number: number;
}

describe.each([
  ['Redis', 'REDIS_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('several projects in %s', (_, variable) => {
  test('any sequence of operations of several projects gives each what it gives it alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(endings.length - 1), anyOperation), { minLength: 5, maxLength: 40 }),
        async (steps) => {
          const base = freshOptions(addressOf(variable));
          const projects = await Promise.all(
            endings.map(async (ending): Promise<Project> => {
              const prefix = `${base.prefix}${ending}`;
              const options = { ...base, prefix, owner: { project: `shop${ending}`, data: 'one' } };
              return { options, memory: new MemoryOnlineStore(), store: await openRedisStore(options), number: 1 };
            }),
          );
          for (const [i, [which, operation]] of steps.entries()) {
            const project = projects[which];
            const given = await apply(project.store, operation, project.number, i);
            expect(whole(given)).toEqual(whole(await apply(project.memory, operation, project.number, i)));
            if (operation.kind === 'switch' || operation.kind === 'reopen') project.number += 1;
            if (operation.kind !== 'reopen') continue;
            await project.store.close();
            project.store = await openRedisStore(project.options);
          }
          for (const { store } of projects) await store.close();
        },
      ),
      { numRuns: 12 },
    );
  });

  test('a namespace is that of one project and one environment', async () => {
    const options = freshOptions(addressOf(variable));
    const open = (project: string, data: string | null, access: 'read' | 'write' = 'write') =>
      openRedisStore({ ...options, owner: { project, data } }, access);
    const early = await open('shop', null, 'read');
    await early.close();
    await (await open('shop', 'one')).close();
    await (await open('shop', 'one')).close();
    const reader = await open('shop', null, 'read');
    await reader.close();
    await expect(open('site', 'one')).rejects.toMatchObject({ code: 'NAMESPACE_TAKEN' });
    await expect(open('site', null, 'read')).rejects.toMatchObject({ code: 'NAMESPACE_TAKEN' });
    const error = await open('shop', 'two').catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: 'NAMESPACE_TAKEN', facts: { namespace: options.prefix } });
    // What was refused has left no lock.
    await (await open('shop', 'one')).close();
    const link = await RedisLink.open(options);
    const keys: string[] = [];
    for await (const some of link.scan(`${options.prefix}:*`)) keys.push(...some);
    expect(keys).toContain(`${options.prefix}:owner`);
    link.close();
  });
});

/** Before the writer has looked, answers of a store over a network say so. */
function whole(seen: unknown): unknown {
  return JSON.parse(
    JSON.stringify(seen ?? null, (name, value: unknown) => {
      if (name === 'degraded') return undefined;
      return typeof value === 'bigint' ? String(value) : value;
    }),
  );
}
