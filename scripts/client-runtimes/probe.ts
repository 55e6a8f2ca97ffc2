// Runs in Node, Deno, Bun and a browser: nothing of a platform but fetch, timers and AbortController.

import type * as Client from '../../src/client/index.ts';
import type { project } from './project.ts';

/** Rules of the client, by what is said where one fails. */
const rules = {
  'events go out and vectors come back, exact to the digit': async ({ at, user }) => {
    const client = at('/ml');
    const event = { id: `${user}-1`, at: Date.now() - 1_000, user, price: '2.50', number: 9_007_199_254_740_993n };
    same(await client.ingest('purchases', [event]), {
      accepted: 1,
      duplicate: 0,
      late: 0,
      pending: 0,
      refused: 0,
      dropped: [],
      errors: [],
    });
    const { features, complete, degraded } = await client.vector('shopper', { user, basket: 2 ** 60 });
    same(
      { ...features, complete, degraded },
      {
        spend_spent_1h: '2.50',
        spend_numbers_1h: [9_007_199_254_740_993n],
        basket: 2 ** 60,
        complete: true,
        degraded: false,
      },
    );
    const many = await client.vectors('shopper', [
      { user, basket: 0.5 },
      { user: 'nobody', basket: 1 },
    ]);
    same(
      many.map(({ features }) => [features.spend_spent_1h, features.spend_numbers_1h, features.basket]),
      [
        ['2.50', [9_007_199_254_740_993n], 0.5],
        [null, [], 1],
      ],
    );
  },
  'a server that is busy is asked again': async ({ at, user }) => {
    same((await at('/busy/ml').vector('shopper', { user, basket: 1 })).features.basket, 1);
  },
  'a connection that is cut off is made again': async ({ at, user }) => {
    same((await at('/cut/ml').vector('shopper', { user, basket: 1 })).features.basket, 1);
  },
  'silence ends with the deadline': async ({ at, user }) => {
    const call = at('/silent/ml').vector('shopper', { user, basket: 1 }, { deadlineMs: 200 });
    same(await codeOf(call), 'CLIENT_DEADLINE');
  },
  'an aborted call throws the reason of its signal': async ({ at, user }) => {
    const abort = new AbortController();
    const call = at('/silent/ml').vector('shopper', { user, basket: 1 }, { signal: abort.signal });
    setTimeout(() => abort.abort('the user left'), 50);
    same(await call.catch((reason: unknown) => reason), 'the user left');
  },
  'a refusal has its code': async ({ at, user }) => {
    // @ts-expect-error: a basket is a number
    same(await codeOf(at('/ml').vector('shopper', { user, basket: 'much' })), 'REQUEST_TYPE');
  },
  'what is no answer is told': async ({ at, user }) => {
    same(await codeOf(at('/page').vector('shopper', { user, basket: 1 })), 'CLIENT_ANSWER');
  },
} satisfies Readonly<Record<string, (tried: Tried) => Promise<void>>>;

interface Tried {
  /** A client of what lies at a path. */
  readonly at: (path: string) => Client.Client<typeof project>;
  /** A key that no other runtime uses. */
  readonly user: string;
}

/** Tries the client of the build in this runtime; gives what failed, a line each. */
export async function probe(client: typeof Client, origin: string, user: string): Promise<readonly string[]> {
  const at = (path: string) => client.createClient<typeof project>({ url: `${origin}${path}`, rng: () => 0.1 });
  const failed: string[] = [];
  for (const [rule, run] of Object.entries(rules)) {
    try {
      await run({ at, user });
    } catch (error) {
      failed.push(`${rule}: ${String(error)}`);
    }
  }
  return failed;
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : String(error)),
  );
}

function same(found: unknown, wanted: unknown): void {
  const text = (value: unknown) =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
  if (text(found) !== text(wanted)) throw new Error(`${text(found)} and not ${text(wanted)}`);
}
