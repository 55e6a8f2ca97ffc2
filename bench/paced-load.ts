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
        .then((status) => {
          if (status === 200) times.push(performance.now() - at);
          else if (status === 503) count.turnedAway += 1;
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
  times.sort((a, b) => a - b);
  const quantile = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { answered: times.length, ...count, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

function post(agent: Agent, { url, body, fields }: PacedLoad): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { ...fields, 'content-length': body.length };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject);
    call.end(body);
  });
}
