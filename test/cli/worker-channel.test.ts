import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { MOST_ROWS, openChannel } from '../../src/cli/serve/worker-channel.ts';
import type { ToWorker } from '../../src/cli/serve/worker-part.ts';
import type { TableAppend } from '../../src/ports/offline-store.ts';

const table = { name: 'served', columns: {}, primaryKey: [] } as unknown as TableAppend['table'];
const served = (rows: number): ToWorker => ({ kind: 'served', profiles: [], tables: [{ table, rows, columns: [] }] });
const restarts = (count: number): ToWorker => ({ kind: 'restarts', restarts: { writer: count } });

test('messages that come before anybody takes them are handed over in their order, once, and later ones at once', () => {
  const heard = new EventEmitter();
  const channel = openChannel(heard);
  const sent = [served(1), restarts(1), served(2)];
  for (const message of [...sent, 'no message']) heard.emit('message', message);
  const taken: ToWorker[] = [];
  channel.takeBy((message) => taken.push(message));
  expect(taken).toEqual(sent);
  heard.emit('message', served(3));
  expect(taken).toEqual([...sent, served(3)]);
});

test('of logged vectors this many rows wait, and of other messages all', () => {
  const heard = new EventEmitter();
  const channel = openChannel(heard);
  for (const message of [served(MOST_ROWS - 1), served(2), served(1), restarts(1)]) heard.emit('message', message);
  const taken: ToWorker[] = [];
  channel.takeBy((message) => taken.push(message));
  expect(taken).toEqual([served(MOST_ROWS - 1), served(2), restarts(1)]);
});

test('a process stops when it is asked to, or by SIGTERM, whether messages are taken or not', async () => {
  for (const [event, message] of [
    ['message', { kind: 'stop' }],
    ['SIGTERM', 'SIGTERM'],
  ] as const) {
    const heard = new EventEmitter();
    const { stopped } = openChannel(heard);
    heard.emit(event, message);
    await stopped;
  }
});
