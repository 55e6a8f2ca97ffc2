import { Agent, request } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** A load of equal POSTs, each connection one after the other. */
export interface Load {
  readonly url: string;
  readonly body: string;
  readonly connections: number;
  readonly ms: number;
}

/** Answers of a load. */
export interface LoadResult {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly errors: number;
}

/** Sends a load from another thread, so that it does not share that of a server in this process. */
export function httpLoad(load: Load): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: load });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (!isMainThread) parentPort?.postMessage(await send(workerData as Load));

async function send({ url, body, connections, ms }: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  let errors = 0;
  const until = performance.now() + ms;
  const loop = async () => {
    while (performance.now() < until) {
      const began = performance.now();
      if ((await post(agent, url, body)) === 200) times.push(performance.now() - began);
      else errors += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  agent.destroy();
  times.sort((a, b) => a - b);
  return {
    perSecond: (times.length / ms) * 1_000,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    errors,
  };
}

function post(agent: Agent, url: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject);
    call.end(body);
  });
}
