import { connect, type Socket } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { z } from 'zod';

/**
 * An open-loop load generator, run as its own process (`open-loop.ts` starts it): requests fall due on a fixed
 * schedule, whether or not those before them are answered, and a request's latency counts from when it was due, so that
 * a server that stalls is charged for everyone who would have waited. One that no free connection takes waits for one.
 * It has a turn a millisecond, in which it takes the answers that have come and sends what has fallen due: woken for each it
 * would take a share of the cores that the server is to have. So it sends up to a millisecond late, and counts an answer as
 * up to a millisecond later than it came; both are in the latency.
 * Who is answered 429 or 503 leaves the server alone for as long as `retry-after` says: the connection does, or, where it is that of many
 * clients, its next request is another's. Prints what it saw as one
 * line of JSON.
 */
const planSchema = z.strictObject({
  port: z.int(),
  path: z.string(),
  bodies: z.array(z.string()).min(1),
  connections: z.int().min(1),
  perSecond: z.number().positive(),
  seconds: z.number().positive(),
  /** Seconds at the beginning that are not counted. */
  warmUpSeconds: z.number().min(0),
  /** Whether a connection is of many clients. */
  shared: z.boolean().optional(),
});

export type LoadPlan = z.infer<typeof planSchema>;

export interface LoadResult {
  /** Requests that fell due while it counted, and those of them that were answered 200. */
  readonly due: number;
  readonly answered: number;
  /** Answered 429 or 503. */
  readonly turnedAway: number;
  /** Other answers, broken connections, and requests without an answer at the end. */
  readonly errors: number;
  /** Answers 200 a second, while requests fell due. */
  readonly answeredPerSecond: number;
  /** Of those answered 200, ms from when they were due. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Of the generator itself: cores that it took, and how late its own turns came, ms. */
  readonly own: { readonly cores: number; readonly delayP99Ms: number; readonly delayMaxMs: number };
}

interface Lane {
  socket: Socket;
  /** When its request was due; NaN: it is free. */
  due: number;
  /** Of its answer, where it is not whole. */
  received: Buffer | null;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LENGTH = Buffer.from('\r\ncontent-length: ');
const STATUS_AT = 'HTTP/1.1 '.length;
const GRACE_MS = 2_000;

/** What a socket has read; each is looked at before the next one reads. */
const arriving = Buffer.allocUnsafe(256 * 1_024);

/** Runs a plan to its end. Hot path: it shares its cores with what it measures. */
async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const requests = plan.bodies.map((body) =>
    Buffer.from(
      `POST ${plan.path} HTTP/1.1\r\nhost: 127.0.0.1:${plan.port}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  const free: Lane[] = [];
  let [answered, inTime, turnedAway, errors, waiting] = [0, 0, 0, 0, 0];
  const everyMs = 1_000 / plan.perSecond;
  const total = Math.floor(plan.seconds * plan.perSecond);
  const counted = Math.floor(plan.warmUpSeconds * plan.perSecond);
  const latencies = new Float64Array(total - counted);
  let start = 0;
  let next = 0;

  const send = (now: number): void => {
    while (next < total && free.length > 0 && start + next * everyMs <= now) {
      const lane = free.pop();
      if (lane === undefined) return;
      lane.due = start + next * everyMs;
      lane.socket.write(requests[next % requests.length]);
      next += 1;
      waiting += 1;
    }
  };
  const settle = (lane: Lane, status: number, restMs: number): void => {
    const now = performance.now();
    const isCounted = lane.due >= start + counted * everyMs;
    waiting -= 1;
    if (isCounted) {
      if (status === 200) {
        latencies[answered] = now - lane.due;
        answered += 1;
        if (now <= start + plan.seconds * 1_000) inTime += 1;
      } else if (status === 429 || status === 503) turnedAway += 1;
      else errors += 1;
    }
    lane.due = Number.NaN;
    if (restMs > 0 && plan.shared !== true) setTimeout(() => free.push(lane), restMs);
    else free.push(lane);
    send(now);
  };
  const take = (lane: Lane, chunk: Buffer): void => {
    const bytes = lane.received === null ? chunk : Buffer.concat([lane.received, chunk]);
    if (!isWhole(bytes)) {
      lane.received = Buffer.from(bytes);
      return;
    }
    lane.received = null;
    const status = statusOf(bytes);
    if (!Number.isNaN(lane.due)) settle(lane, status, status === 200 ? 0 : restOf(bytes));
  };
  const broken = (lane: Lane): void => {
    if (!Number.isNaN(lane.due)) errors += 1;
  };
  free.push(...(await Promise.all(Array.from({ length: plan.connections }, () => openLane(plan.port, take, broken)))));
  const lanes = [...free];
  const lateUs = createHistogram();
  const before = process.cpuUsage();
  start = performance.now();
  await new Promise<void>((resolve) => {
    const end = start + plan.seconds * 1_000 + GRACE_MS;
    const turn = (planned: number): void => {
      const now = performance.now();
      lateUs.record(Math.max(1, Math.round((now - planned) * 1_000)));
      send(now);
      if ((next >= total && waiting === 0) || now >= end) resolve();
      else setImmediate(turn, sleepUntil(start + Math.floor(now - start) + 1));
    };
    turn(start);
  });
  const { user, system } = process.cpuUsage(before);
  const tookMs = performance.now() - start;
  errors += lanes.filter(({ due }) => due >= start + counted * everyMs).length + (total - next);
  for (const { socket } of lanes) socket.destroy();
  const sorted = latencies.subarray(0, answered).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return {
    due: total - counted,
    answered,
    turnedAway,
    errors,
    answeredPerSecond: inTime / (plan.seconds - plan.warmUpSeconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: at(1),
    own: {
      cores: (user + system) / 1_000 / tookMs,
      delayP99Ms: lateUs.percentile(99) / 1_000,
      delayMaxMs: lateUs.max / 1_000,
    },
  };
}

const nobodyWakesIt = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Stands still until then, whatever comes meanwhile; returns it. */
function sleepUntil(ms: number): number {
  Atomics.wait(nobodyWakesIt, 0, 0, ms - performance.now());
  return ms;
}

/** Opens a connection whose answers go to `take`, in a buffer that is valid during the call. */
function openLane(
  port: number,
  take: (lane: Lane, chunk: Buffer) => void,
  broken: (lane: Lane) => void,
): Promise<Lane> {
  return new Promise((resolve, reject) => {
    const callback = (bytes: number): boolean => {
      take(lane, arriving.subarray(0, bytes));
      return true;
    };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: arriving, callback } }, () =>
      resolve(lane),
    );
    const lane: Lane = { socket, due: Number.NaN, received: null };
    socket.once('error', reject);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => broken(lane));
  });
}

/** Whether an answer is all there. */
function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0) return false;
  const field = bytes.indexOf(LENGTH);
  let length = 0;
  if (field >= 0 && field < end)
    for (let at = field + LENGTH.length; bytes[at] >= ZERO; at += 1) length = length * 10 + bytes[at] - ZERO;
  return bytes.length >= end + END_OF_HEAD.length + length;
}

const ZERO = 0x30;

function statusOf(bytes: Buffer): number {
  return (bytes[STATUS_AT] - ZERO) * 100 + (bytes[STATUS_AT + 1] - ZERO) * 10 + bytes[STATUS_AT + 2] - ZERO;
}

/** How long an answer asks to be left alone, ms. */
function restOf(bytes: Buffer): number {
  const head = bytes.toString('latin1', 0, bytes.indexOf(END_OF_HEAD));
  return 1_000 * Number(/retry-after: (\d+)/i.exec(head)?.[1] ?? 0);
}

if (process.argv[1] === import.meta.filename) {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  console.log(JSON.stringify(await runLoad(planSchema.parse(JSON.parse(text)))));
}
