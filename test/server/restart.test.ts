import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { childEnv } from '../child-env.ts';
import { turns, until } from '../until.ts';

const SERVER = fileURLToPath(new URL('./serving-process.ts', import.meta.url));
const SENDERS = 4;
const BATCH = 25;

interface Serving {
  readonly child: ChildProcess;
  readonly url: string;
}

async function start(directory: string): Promise<Serving> {
  const child = spawn(process.execPath, ['--conditions=headrace-source', SERVER, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnv(),
  });
  const [bytes] = await once(child.stdout, 'data');
  return { child, url: String(bytes).trim() };
}

async function kill({ child }: Serving): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** Posts a body; null where there is no answer. */
async function post(url: string, body: unknown): Promise<unknown> {
  try {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

async function purchasesOf({ url }: Serving): Promise<number> {
  const answer = await post(`${url}/v1/features/shopper`, { request: { user: 'ann', price: 1 } });
  return (answer as { readonly features: { readonly spend_purchases_7d: number } }).features.spend_purchases_7d;
}

test('a server that is killed under load has every acknowledged event once when it is back', {
  timeout: 600_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-restart-'));
  const acknowledged: object[] = [];
  let sent = 0;
  let reads = 0;
  let serving = await start(directory);
  for (const life of [0, 1]) {
    let isOver = false;
    const { url } = serving;
    const send = async (): Promise<void> => {
      while (!isOver) {
        const events = Array.from({ length: BATCH }, () => {
          sent += 1;
          return { id: `e-${sent}`, at: Date.now() - 1_000, user: 'ann', price: 1, number: sent };
        });
        const answer = await post(`${url}/v1/events/purchases`, events);
        if (answer !== null) acknowledged.push(...events);
      }
    };
    const read = async (): Promise<void> => {
      while (!isOver) {
        if ((await post(`${url}/v1/features/shopper`, { request: { user: 'ann', price: 1 } })) !== null) reads += 1;
      }
    };
    const clients = [...Array.from({ length: SENDERS }, send), read()];
    // Each life answers some of both; the kill meets another place of what comes next.
    const before = { reads, events: acknowledged.length };
    await until(() => reads > before.reads + 5 && acknowledged.length > before.events + 10 * SENDERS * BATCH);
    await turns(50 * life);
    await kill(serving);
    isOver = true;
    await Promise.all(clients);
    serving = await start(directory);
  }
  const found = await purchasesOf(serving);
  expect(reads).toBeGreaterThan(0);
  expect(acknowledged.length).toBeGreaterThan(SENDERS * BATCH);
  expect(found).toBeGreaterThanOrEqual(acknowledged.length);
  expect(found).toBeLessThanOrEqual(sent);
  // Sent again, each is known.
  for (let i = 0; i < acknowledged.length; i += 1_000)
    expect(await post(`${serving.url}/v1/events/purchases`, acknowledged.slice(i, i + 1_000))).not.toBeNull();
  expect(await purchasesOf(serving)).toBe(found);
  await kill(serving);
  rmSync(directory, { recursive: true, force: true });
});
