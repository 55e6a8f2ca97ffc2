import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { settlesWithin } from '../../base/closing.ts';
import { readFrames, writeFrame } from './frames.ts';
import { described, type FromWriter, type PredictionBatch, type ToWriter } from './prediction-messages.ts';

export interface PredictionServerOptions {
  /** Only processes of the same user reach it. */
  readonly path: string;
  /** Logs a batch; ends when the log has it. Errors: those of the log. */
  readonly append: (batch: PredictionBatch) => Promise<unknown>;
}

/** Takes the predictions of the other processes of a group into the log of this one. */
export interface PredictionServer {
  /** Asks the others to follow a change, and ends when all do; one that does not answer in time follows by itself. Never throws. */
  announce(): Promise<void>;
  close(): Promise<void>;
}

/** A process that hangs does not keep a change from the others for longer, ms. */
const FOLLOWS_WITHIN_MS = 5_000;

/** Opens it on a path that does not exist. Errors: those of the system. */
export async function openPredictionServer({ path, append }: PredictionServerOptions): Promise<PredictionServer> {
  const open = new Map<Socket, Map<number, () => void>>();
  let asked = 0;
  const server = createServer((socket) => {
    const following = new Map<number, () => void>();
    open.set(socket, following);
    // A process that dies: nobody waits for its answers.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      open.delete(socket);
      for (const done of following.values()) done();
    });
    readFrames(socket, (value) => {
      const message = value as ToWriter;
      if (message.kind === 'append') void answerAppend(socket, message, append);
      else following.get(message.id)?.();
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    announce: async () => {
      asked += 1;
      const id = asked;
      const all = [...open].map(async ([socket, following]) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        following.set(id, resolve);
        send(socket, { kind: 'follow', id });
        await settlesWithin(promise, FOLLOWS_WITHIN_MS);
        following.delete(id);
      });
      await Promise.all(all);
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open.keys()) socket.end();
      await closed;
    },
  };
}

async function answerAppend(
  socket: Socket,
  { id, batches }: Extract<ToWriter, { kind: 'append' }>,
  append: PredictionServerOptions['append'],
): Promise<void> {
  // In one turn, so that they share an append of the log.
  const settled = await Promise.allSettled(batches.map(async (batch) => append(batch)));
  const outcomes = settled.map((one) => (one.status === 'fulfilled' ? null : described(one.reason)));
  send(socket, { kind: 'appended', id, outcomes });
}

function send(socket: Socket, message: FromWriter): void {
  if (socket.writable) writeFrame(socket, message);
}
