import { Agent, request } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Equal POSTs at fixed instants, whatever the answers. */
export interface PacedLoad {
  readonly url: string;
  readonly body: Uint8Array;
  readonly fields: Readonly<Record<string, string>>;
  readonly perSecond: number;
  readonly ms: number;
  /** Requests that may be open at once; those beyond are not sent, and counted. */
  readonly mostOpen: number;
}

/** Answers of a load. A time is that from the instant at which the request was due, ms. */
export interface PacedResult {
  readonly answered: number;
  readonly turnedAway: number;
  readonly unsent: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What the server says of its queue and its runs (server-timing), p99, ms. */
  readonly queueP99Ms: number;
  readonly computeP99Ms: number;
}

/** Sends a load from another thread, so that it does not share that of a server in this process. */
export function pacedLoad(load: PacedLoad): Promise<PacedResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: load });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (!isMainThread) parentPort?.postMessage(await send(workerData as PacedLoad));

async function send(load: PacedLoad): Promise<PacedResult> {
  const { perSecond, ms, mostOpen } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: mostOpen });
  const times: number[] = [];
  const queue: number[] = [];
  const compute: number[] = [];
  const count = { turnedAway: 0, unsent: 0, errors: 0 };
  const open = new Set<Promise<void>>();
  const began = performance.now();
  const total = Math.floor((perSecond * ms) / 1_000);
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1_000));
    for (; sent < due; sent += 1) {
      const at = began + (sent * 1_000) / perSecond;
      if (open.size >= mostOpen) {
        count.unsent += 1;
        continue;
      }
      const one = post(agent, load)
        .then(({ status, timing }) => {
          if (status === 200) {
            times.push(performance.now() - at);
            queue.push(durationOf(timing, 'queue'));
            compute.push(durationOf(timing, 'compute'));
          } else if (status === 503) count.turnedAway += 1;
          else count.errors += 1;
        })
        .catch(() => {
          count.errors += 1;
        })
        .finally(() => open.delete(one));
      open.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(open);
  agent.destroy();
  const [p50Ms, p99Ms] = [quantile(times, 0.5), quantile(times, 0.99)];
  const [queueP99Ms, computeP99Ms] = [quantile(queue, 0.99), quantile(compute, 0.99)];
  return { answered: times.length, ...count, p50Ms, p99Ms, queueP99Ms, computeP99Ms };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

/** A duration of the header server-timing, ms. */
function durationOf(timing: string, name: string): number {
  return Number(timing.match(new RegExp(`${name};dur=([0-9.]+)`))?.[1] ?? Number.NaN);
}

interface Answer {
  readonly status: number;
  readonly timing: string;
}

function post(agent: Agent, { url, body, fields }: PacedLoad): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...fields, 'content-length': body.length };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      const timing = String(response.headers['server-timing'] ?? '');
      response.on('end', () => resolve({ status: response.statusCode ?? 0, timing }));
    });
    call.on('error', reject);
    call.end(body);
  });
}
