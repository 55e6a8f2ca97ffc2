// Ten kinds of hostile clients of the server on a port of this machine, each this often a second, until standard input ends. It ends by
// itself after a minute.
import { connect, type Socket } from 'node:net';

const port = Number(process.argv[2]);
const perSecond = Number(process.argv[3]);
const MOST_SECONDS = 60;
const MOST_OPEN = 400;

const LINE = 'POST /v1/features/shopper HTTP/1.1\r\n';
const HOST = 'host: localhost\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';
const head = (length: number) => `${LINE}${HOST}${JSON_TYPE}content-length: ${length}\r\n\r\n`;
const body = (text: string) => head(text.length) + text;

/** By name, what one client of a kind does with its connection. */
const KINDS: Readonly<Record<string, (socket: Socket) => void>> = {
  'a field of blanks': (socket) => socket.end(`${LINE}${HOST}x: ${' '.repeat(3_900)}\x01\r\n\r\n`),
  'a list of blanks': (socket) =>
    socket.end(`GET /v1/status HTTP/1.1\r\n${HOST}connection: ${' '.repeat(15_000)}x\r\n\r\n`),
  'a body in small pieces': (socket) => drip(socket, head(64_000), 64, 1_000),
  'a head by the byte': (socket) => drip(socket, '', 1, 60),
  'half a body': (socket) => socket.write(head(10_000) + 'x'.repeat(5_000)),
  'a body that is no JSON': (socket) => socket.end(body('['.repeat(20_000))),
  'a body beyond the limit': (socket) => socket.end(`${head(2 ** 22)}${'x'.repeat(20_000)}`),
  'a foreign host': (socket) => socket.end(body('{}').replace('localhost', 'evil.example')),
  'a body of a GET': (socket) =>
    socket.end(`GET /v1/none HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n`),
  'many requests, and takes no answer': (socket) => {
    socket.pause();
    socket.write(body('{"request":{}}').repeat(100));
  },
};

/** Sends this many pieces, one a turn of the loop. */
function drip(socket: Socket, first: string, sizeBytes: number, pieces: number): void {
  socket.write(first);
  let left = pieces;
  const next = (): void => {
    if (left === 0 || socket.destroyed) return;
    left -= 1;
    socket.write('x'.repeat(sizeBytes));
    setImmediate(next);
  };
  next();
}

const sent: Record<string, number> = {};
const open = new Set<Socket>();

function attack(name: string): void {
  // The oldest makes room.
  if (open.size >= MOST_OPEN) for (const oldest of open) if (oldest.destroy().destroyed && open.delete(oldest)) break;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  open.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => open.delete(socket));
  socket.resume();
  socket.once('connect', () => {
    KINDS[name](socket);
    sent[name] = (sent[name] ?? 0) + 1;
  });
}

const timers = Object.keys(KINDS).map((name) => setInterval(attack, 1_000 / perSecond, name));
const over = setTimeout(end, MOST_SECONDS * 1_000);
process.stdin.on('end', end).resume();

function end(): void {
  clearTimeout(over);
  for (const timer of timers) clearInterval(timer);
  for (const socket of open) socket.destroy();
  console.log(JSON.stringify(sent));
  process.exit();
}
