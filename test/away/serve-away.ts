import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Ended, ended, startCli } from '../cli/run-cli.ts';
import { until } from '../until.ts';
import type { FaultWire, WireState } from './fault-wire.ts';

/** A way to serve a project: the words of the call, and whether it takes events. */
export interface Form {
  readonly words: readonly string[];
  readonly writes: boolean;
}

export const forms: readonly Form[] = [
  { words: ['serve'], writes: true },
  { words: ['serve', '--workers', '1'], writes: true },
  { words: ['dev'], writes: true },
  { words: ['serve', '--read-only'], writes: false },
  { words: ['serve', '--read-only', '--workers', '1'], writes: false },
];

/** A form by its words. */
export function formOf(words: string): Form {
  const found = forms.find((form) => form.words.join(' ') === words);
  if (found === undefined) throw new TypeError(`no form ${words}`);
  return found;
}

const [index, shop] = ['../../src/index.ts', '../server/shop.ts'].map(
  (path) => new URL(path, import.meta.url).pathname,
);

/** A folder with the configuration of a shop whose online store, and whose log where brokers are named, are elsewhere. */
export function shopFolder(environment: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-away-'));
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${JSON.stringify(index)};
import { project } from ${JSON.stringify(shop)};
const environment = ${JSON.stringify({ directory: 'data', partitions: 2, ...environment })};
export default defineConfig({ project, environments: { local: environment } });`,
  );
  return folder;
}

export interface Serving {
  readonly child: ChildProcess;
  readonly url: string;
  readonly end: Promise<Ended>;
  readonly err: () => string;
}

/** Starts a call that serves, and waits for its address. A start whose Redis was slower than the short timeout of the test is repeated. */
export async function startServing(folder: string, words: readonly string[]): Promise<Serving> {
  for (;;) {
    try {
      return await startOnce(folder, words);
    } catch (error) {
      if (!String(error).includes('REDIS_TIMEOUT')) throw error;
    }
  }
}

async function startOnce(folder: string, words: readonly string[]): Promise<Serving> {
  const child = startCli(folder, [...words, '--port', '0', '--json']);
  const end = ended(child);
  let [out, err] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => {
    out += bytes;
  });
  child.stderr?.on('data', (bytes: Buffer) => {
    err += bytes;
  });
  await until(() => /\{"url".*\n/.test(out) || child.exitCode !== null);
  const line = /\{"url".*\n/.exec(out)?.[0];
  if (line === undefined) throw new Error(`it does not serve: ${err}`);
  return { child, end, err: () => err, url: (JSON.parse(line) as { url: string }).url };
}

export const send = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

export const ANN = { request: { user: 'ann', price: 1 } };

export const ask = async (url: string, path: string) => (await fetch(`${url}${path}`)).text();

export async function buy(url: string, first: number, count: number): Promise<void> {
  const answer = await send(`${url}/v1/events/purchases`, purchases(first, count));
  expect(answer.status).toBe(200);
}

/** Events of one user, numbered from `first`. */
export function purchases(first: number, count: number) {
  return Array.from({ length: count }, (_, i) => ({
    id: `e-${first + i}`,
    at: Date.now(),
    user: 'ann',
    price: 1.25,
    number: first + i,
  }));
}

export async function bought(url: string): Promise<unknown> {
  const answer = await send(`${url}/v1/features/shopper`, ANN);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(text);
  return (JSON.parse(text) as { features: Record<string, unknown> }).features['spend_purchases_7d'];
}

/** Asks a process to stop: it ends by itself, with an exit code of its own. */
export async function stopped({ child, end }: Pick<Serving, 'child' | 'end'>): Promise<Ended> {
  child.kill('SIGTERM');
  const done = await end;
  expect([done.code === null, child.signalCode, done.err]).toEqual([false, null, done.err]);
  return done;
}

const LEFT = /CLOSE_UNFINISHED.*"(\d+) events of purchases that are not in the online store \(.*from offset \d+.*\)"/;

/**
 * Serves on a wire, takes events while it has a fault, and stops: the process ends, names the events that are not committed, and has them
 * when it is started again.
 */
export async function closesWhile(
  form: Form,
  state: WireState,
  site: { readonly wire: FaultWire; readonly environment: Readonly<Record<string, unknown>> },
): Promise<void> {
  const folder = shopFolder(site.environment);
  try {
    if (!form.writes) {
      // What is read is there.
      const writer = await startServing(folder, ['serve']);
      await stopped(writer);
    }
    const serving = await startServing(folder, form.words);
    if (form.writes) await buy(serving.url, 0, 3);
    await site.wire.set(state);
    if (form.writes) {
      await buy(serving.url, 3, 5);
      await until(async () =>
        /events wait in the log for the online store: the Redis/.test(await ask(serving.url, '/v1/status')),
      );
    } else {
      await until(async () => (await send(`${serving.url}/v1/features/shopper`, ANN)).status === 503);
      await until(async () => /the online store does not answer: the Redis/.test(await ask(serving.url, '/readyz')));
    }
    await until(() => /^headrace: the Redis at/m.test(serving.err()));
    const { code, err } = await stopped(serving);
    expect(err).not.toMatch(/SERVER_FAULT|unexpected error/);
    if (!form.writes) {
      expect([code, err]).toEqual([0, err]);
      await site.wire.set('whole');
      return;
    }
    expect([code, err]).toEqual([5, expect.stringMatching(LEFT)]);
    // Those from before may not have been committed either.
    expect([5, 6, 7, 8]).toContain(Number(LEFT.exec(err)?.[1]));
    await site.wire.set('whole');
    const again = await startServing(folder, form.words);
    await until(async () => (await bought(again.url)) === 8);
    expect((await stopped(again)).code).toBe(0);
  } finally {
    await site.wire.set('whole');
    rmSync(folder, { recursive: true, force: true });
  }
}
