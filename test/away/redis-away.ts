import { expect, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import type { RedisOptions } from '../../src/backends/redis/redis-options.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import type { RemoteStore } from '../../src/ports/remote-store.ts';
import { until } from '../until.ts';
import { codeOf } from './code-of.ts';
import { FaultWire } from './fault-wire.ts';
import { onlineCalls, remoteCalls } from './online-methods.ts';

/** This long a call may take where nothing answers, ms. */
const TIMEOUT_MS = 150;

/** No call ends by its time limit on a wire that is only slow, ms. */
const PATIENT_MS = 60_000;

/** Calls of one method that are under way when the wire is cut. */
const AT_ONCE = 8;

type Call = (store: OnlineStore) => unknown;

/** Every method of the ports that asks the server, by name. */
const calls: readonly (readonly [string, Call])[] = [
  ...Object.entries(onlineCalls).flatMap(([name, call]) => (call === null ? [] : [[name, call] as const])),
  ...Object.entries(remoteCalls).map(
    ([name, call]) => [`remote.${name}`, (store: OnlineStore) => call(remoteOf(store))] as const,
  ),
];

function remoteOf({ remote }: OnlineStore): RemoteStore {
  if (remote === undefined) throw new TypeError('a store in a Redis is behind a network');
  return remote;
}

/** The rules of a store in a Redis whose wire has faults; `port` is that of the server, `fresh` gives its own prefix. */
export function testRedisAway(port: () => number, fresh: (url: string) => RedisOptions): void {
  async function onWire(work: (wire: FaultWire, options: RedisOptions) => Promise<void>): Promise<void> {
    const wire = await FaultWire.open(port());
    try {
      await work(wire, { ...fresh(`redis://127.0.0.1:${wire.port}`), timeoutMs: TIMEOUT_MS });
    } finally {
      await wire.close();
    }
  }

  /** Works again, on the same store, when the wire is whole; what was lost meanwhile is taken as it is found. */
  async function works(store: OnlineStore, call: Call): Promise<void> {
    await until(async () => {
      const code = await codeOf(() => call(store));
      if (code === 'STORE_LOST') await remoteOf(store).rewind();
      if (code !== null) throw new Error(code);
      return true;
    });
  }

  test.each(['away', 'stalled'] as const)('%s: every method ends with a code, and answers when it is back', (state) =>
    onWire(async (wire, options) => {
      const store = await openRedisStore(options);
      try {
        for (const [name, call] of calls) {
          await works(store, call);
          await wire.set(state);
          expect([name, await codeOf(() => call(store))]).not.toEqual([name, null]);
          await wire.set('whole');
          await works(store, call);
        }
      } finally {
        await codeOf(() => store.close());
      }
    }),
  );

  test('cut during its calls: every method answers or has a code', () =>
    onWire(async (wire, options) => {
      const store = await openRedisStore(options);
      try {
        const ended: (string | null)[] = [];
        for (const [, call] of calls) {
          const all = Array.from({ length: AT_ONCE }, () => codeOf(() => call(store)));
          await new Promise((resolve) => setImmediate(resolve));
          wire.cut();
          ended.push(...(await Promise.all(all)));
          await works(store, call);
        }
        expect(ended.filter((code) => code !== null)).not.toEqual([]);
      } finally {
        await codeOf(() => store.close());
      }
    }));

  test('slow: every method answers', () =>
    onWire(async (wire, options) => {
      const store = await openRedisStore({ ...options, timeoutMs: PATIENT_MS });
      try {
        await wire.set('slow');
        for (const [name, call] of calls) expect([name, await codeOf(() => call(store))]).toEqual([name, null]);
      } finally {
        await codeOf(() => store.close());
      }
    }));

  test.each(['away', 'stalled'] as const)(
    '%s while it opens: it ends with a code, and opens when it is back',
    (state) =>
      onWire(async (wire, options) => {
        for (const access of ['write', 'read'] as const) {
          await wire.set(state);
          expect(await codeOf(() => openRedisStore(options, access))).toMatch(/^REDIS_(UNREACHABLE|TIMEOUT)$/);
          await wire.set('whole');
          await (await openRedisStore(options, access)).close();
        }
        await until(() => wire.connections === 0);
      }),
  );

  test.each(['away', 'stalled'] as const)('%s while it closes: it ends, and no connection is left', (state) =>
    onWire(async (wire, options) => {
      for (const access of ['write', 'read'] as const) {
        const store = await openRedisStore(options, access);
        await wire.set(state);
        await codeOf(() => store.close());
        await wire.set('whole');
        await until(() => wire.connections === 0);
        // The lock of a process of this machine that is alive runs out by itself.
        options = { ...options, prefix: `${options.prefix}-next` };
      }
    }),
  );
}
