// @module-tag deep

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, newBroker } from '../../scripts/services/kafka.ts';
import { stopServer } from '../../scripts/services/server.ts';
import { ANN, ask, bought, buy, purchases, send, shopFolder, startServing, stopped } from '../away/serve-away.ts';
import { ended, startCli } from '../cli/run-cli.ts';
import { until } from './until.ts';

const directory = mkdtempSync(join(tmpdir(), 'kafka-serve-away-'));
let broker: Broker;

beforeAll(async () => {
  broker = await newBroker(directory);
});

afterAll(async () => {
  goOn();
  await stopServer(broker, 'SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** A broker that is stopped keeps and accepts connections, and answers nothing. */
const hang = () => process.kill(broker.pid, 'SIGSTOP');
const goOn = () => process.kill(broker.pid, 'SIGCONT');

const environment = () => ({
  namespace: `away-${randomUUID().slice(0, 8)}`,
  log: { kind: 'kafka', brokers: [`127.0.0.1:${broker.port}`], timeout: '1s' },
});

const codeOf = (text: string): unknown => (JSON.parse(text) as { error: { code: unknown } }).error.code;

describe.each([[['serve']], [['serve', '--workers', '1']], [['dev']]] as const)(
  '%s with its log on a broker that hangs',
  (words) => {
    test('refuses events with a code, says so, reads on, takes events when the broker continues, and has every one', async () => {
      const folder = shopFolder(environment());
      try {
        const serving = await startServing(folder, words);
        await buy(serving.url, 0, 3);
        await until(async () => (await bought(serving.url)) === 3);
        hang();
        const refused = await send(`${serving.url}/v1/events/purchases`, purchases(3, 2));
        expect([refused.status, codeOf(await refused.text())]).toEqual([503, 'LOG_UNREACHABLE']);
        await until(async () => /^headrace: the log on .* does not answer/m.test(serving.err()));
        await until(async () => /the last events were not taken: the log on/.test(await ask(serving.url, '/readyz')));
        expect((await send(`${serving.url}/v1/features/shopper`, ANN)).status).toBe(200);
        goOn();
        await until(async () => {
          const again = await send(`${serving.url}/v1/events/purchases`, purchases(3, 2));
          return again.status === 200;
        });
        await until(async () => (await bought(serving.url)) === 5);
        const { code, err } = await stopped(serving);
        expect(err).not.toMatch(/SERVER_FAULT|unexpected error/);
        expect([code, err]).toEqual([0, err]);
      } finally {
        goOn();
        rmSync(folder, { recursive: true, force: true });
      }
    });

    test('ends when it is asked to, and has what it took at the next start', async () => {
      const options = environment();
      const folder = shopFolder(options);
      try {
        const serving = await startServing(folder, words);
        await buy(serving.url, 0, 4);
        hang();
        const { err } = await stopped(serving);
        expect(err).not.toMatch(/SERVER_FAULT|unexpected error/);
        goOn();
        const again = await startServing(folder, words);
        await until(async () => (await bought(again.url)) === 4);
        expect((await stopped(again)).code).toBe(0);
      } finally {
        goOn();
        rmSync(folder, { recursive: true, force: true });
      }
    });

    test('does not open, by a code', async () => {
      const folder = shopFolder(environment());
      hang();
      try {
        const { code, err, out } = await ended(startCli(folder, [...words, '--port', '0', '--json']));
        expect(`${out}${err}`).toContain('LOG_UNREACHABLE');
        expect(code).toBe(4);
      } finally {
        goOn();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  },
);
