import { connect, type Socket } from 'node:net';
import { z } from 'zod';

/**
 * An open-loop load generator, run as a process of its own (`open-loop.ts` starts it): requests fall due on a fixed
 * schedule, whether or not those before them are answered (sent in steps of a millisecond), and a request's latency counts from when it was due, so that
 * a server that stalls is charged for everyone who would have waited. One that no free connection takes waits for one.
 * A connection that is answered 429 or 503 is left alone for as long as `retry-after` says. Prints what it saw as one
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
}

interface Lane {
  readonly socket: Socket;
  /** When its request was due; NaN: it is free. */
  due: number;
  received: Buffer | null;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const GRACE_MS = 2_000;

/** Runs a plan to its end. */
async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const requests = plan.bodies.map((body) =>
    Buffer.from(
      `POST ${plan.path} HTTP/1.1\r\nhost: 127.0.0.1:${plan.port}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  const free: Lane[] = [];
  const latencies: number[] = [];
  let [answered, inTime, turnedAway, errors, waiting] = [0, 0, 0, 0, 0];
  const everyMs = 1_000 / plan.perSecond;
  const total = Math.floor(plan.seconds * plan.perSecond);
  const counted = Math.floor(plan.warmUpSeconds * plan.perSecond);
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
        answered += 1;
        if (now <= start + plan.seconds * 1_000) inTime += 1;
        latencies.push(now - lane.due);
      } else if (status === 429 || status === 503) turnedAway += 1;
      else errors += 1;
    }
    lane.due = Number.NaN;
    if (restMs > 0) setTimeout(() => free.push(lane), restMs);
    else free.push(lane);
    send(now);
  };
  const lanes = await Promise.all(Array.from({ length: plan.connections }, () => openLane(plan.port)));
  for (const lane of lanes) {
    lane.socket.on('data', (chunk) => {
      const bytes = lane.received === null ? chunk : Buffer.concat([lane.received, chunk]);
      const answer = answerOf(bytes);
      lane.received = answer === null ? bytes : null;
      if (answer !== null && !Number.isNaN(lane.due)) settle(lane, answer.status, answer.restMs);
    });
    lane.socket.on('close', () => {
      if (!Number.isNaN(lane.due)) errors += 1;
    });
    free.push(lane);
  }
  start = performance.now();
  await new Promise<void>((resolve) => {
    const end = start + plan.seconds * 1_000 + GRACE_MS;
    const step = (): void => {
      const now = performance.now();
      send(now);
      if ((next >= total && waiting === 0) || now >= end) resolve();
      else setTimeout(step, 1);
    };
    step();
  });
  errors += lanes.filter(({ due }) => due >= start + counted * everyMs).length + (total - next);
  for (const { socket } of lanes) socket.destroy();
  const sorted = Float64Array.from(latencies).sort();
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
  };
}

function openLane(port: number): Promise<Lane> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve({ socket, due: Number.NaN, received: null }));
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.on('error', () => socket.destroy());
  });
}

/** The status of a whole answer, and how long it asks to be left alone; null where more is to come. */
function answerOf(bytes: Buffer): { readonly status: number; readonly restMs: number } | null {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end);
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (bytes.length < end + END_OF_HEAD.length + length) return null;
  return { status: Number(head.slice(9, 12)), restMs: 1_000 * Number(/retry-after: (\d+)/i.exec(head)?.[1] ?? 0) };
}

if (process.argv[1] === import.meta.filename) {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  console.log(JSON.stringify(await runLoad(planSchema.parse(JSON.parse(text)))));
}
