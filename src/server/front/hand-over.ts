import type { Socket } from 'node:net';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { endSoon } from '../limits/connections.ts';
import { alone, type Piece } from './messages.ts';

/** Passes the data of a connection to the returned port, and its data back. One piece of the client is on its way at a time. */
export function handOver(socket: Socket): MessagePort {
  const { port1: near, port2: far } = new MessageChannel();
  const send = (piece: Piece): void => near.postMessage(piece);
  socket.on('data', (bytes) => {
    socket.pause();
    send(alone(bytes));
  });
  socket.on('end', () => send('end'));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => near.close());
  near.on('message', (piece: Piece) => {
    if (piece === 'end') socket.end();
    else if (typeof piece === 'number') socket.resume();
    else socket.write(piece, () => send(piece.length));
  });
  // After its earlier messages.
  near.on('close', () => endSoon(socket));
  return far;
}
