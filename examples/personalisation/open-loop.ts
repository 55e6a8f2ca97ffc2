import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  /** On loopback. */
  readonly url: string;
  /** Sent in turn, as POSTs. */
  readonly bodies: readonly string[];
  /** Requests a second, sent whether or not earlier ones are answered; null: each connection sends when it is answered. */
  readonly rate: number | null;
  readonly seconds: number;
  readonly connections: number;
}

/** What was asked and answered. Latencies count from the instant that a request was due, not from when it could be sent. */
export interface LoadResult {
  readonly sent: number;
  readonly answered: number;
  /** Answers other than 200, and connections that broke. */
  readonly errors: number;
  /** Answers that lack a feature, and answers with a stale one. */
  readonly incomplete: number;
  readonly stale: number;
  readonly requestsPerSecond: number;
  /** ms */
  readonly latency: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
}

const DRAIN_MS = 5_000;

interface Connection {
  readonly socket: Socket;
  due: number;
  waiting: Buffer | null;
}

/** Loads one URL for some seconds from this process, then waits for what is on its way. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { rate, seconds, connections: size } = options;
  const requests = requestsOf(options);
  const latencies: number[] = [];
  let [sent, errors, incomplete, stale] = [0, 0, 0, 0];
  const idle: Connection[] = [];
  const late: number[] = [];
  const end = performance.now() + seconds * 1_000;

  function send(connection: Connection, due: number): void {
    connection.due = due;
    connection.socket.write(requests[sent % requests.length]);
    sent += 1;
  }

  function answered(connection: Connection, answer: Buffer): void {
    const now = performance.now();
    latencies.push(now - connection.due);
    if (answer.indexOf('HTTP/1.1 200') !== 0) errors += 1;
    else if (answer.includes('"complete":false')) incomplete += 1;
    else if (!answer.includes('"stale":[]')) stale += 1;
    const next = late.shift();
    if (next !== undefined) send(connection, next);
    else if (rate === null && now < end) send(connection, now);
    else idle.push(connection);
  }

  const all = await Promise.all(Array.from({ length: size }, () => open(options.url)));
  for (const connection of all) {
    connection.socket.on('data', (bytes) => {
      const answer = connection.waiting === null ? bytes : Buffer.concat([connection.waiting, bytes]);
      connection.waiting = isWhole(answer) ? null : answer;
      if (connection.waiting === null) answered(connection, answer);
    });
    connection.socket.on('error', () => {
      errors += 1;
    });
    idle.push(connection);
  }
  const started = performance.now();
  if (rate === null) for (const connection of idle.splice(0)) send(connection, started);
  let due = 0;
  for (let now = started; now < end; now = performance.now()) {
    for (; rate !== null && due < ((now - started) * rate) / 1_000; due += 1) {
      const at = started + (due * 1_000) / rate;
      const connection = idle.pop();
      if (connection === undefined) late.push(at);
      else send(connection, at);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const elapsed = performance.now() - started;
  const answeredInTime = latencies.length;
  const drained = performance.now() + DRAIN_MS;
  while (idle.length < all.length && performance.now() < drained) await new Promise((go) => setTimeout(go, 5));
  for (const { socket } of all) socket.destroy();
  return {
    sent: sent + late.length,
    answered: latencies.length,
    errors,
    incomplete,
    stale,
    requestsPerSecond: (answeredInTime / elapsed) * 1_000,
    latency: percentiles(latencies),
  };
}

function requestsOf({ url, bodies }: LoadOptions): readonly Buffer[] {
  const { host, pathname } = new URL(url);
  return bodies.map((body) =>
    Buffer.from(
      `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
}

async function open(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  if (hostname !== '127.0.0.1') throw new Error(`${url} is not on loopback`);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return { socket, due: 0, waiting: null };
}

/** Whether an answer is there to its last byte: its length is told, as one request is on its way at a time. */
function isWhole(answer: Buffer): boolean {
  const head = answer.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /content-length: (\d+)/i.exec(answer.toString('latin1', 0, head))?.[1];
  return length !== undefined && answer.length >= head + 4 + Number(length);
}

function percentiles(latencies: readonly number[]): LoadResult['latency'] {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
