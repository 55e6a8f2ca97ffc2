import type { Socket } from 'node:net';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { alone, type Piece } from './messages.ts';

/** Passes what a connection brings on to the port that is given back, and what comes from there out. Of the client one piece is on its way. */
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
  // Behind what it has said before.
  near.on('close', () => socket.destroySoon());
  return far;
}
