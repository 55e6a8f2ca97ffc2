// Sends requests to a server on this machine, a few at a time, and ends when each has its answer. Its processor time is its own.
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AskedLoad } from './asked-by.ts';

const IN_FLIGHT = 16;

const { url, bodies, count }: AskedLoad = JSON.parse(await text(process.stdin));
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });

function post(body: string): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', agent, headers }, (answer) => {
      // A server that is busy is asked again.
      const isBusy = answer.statusCode === 503;
      if (answer.statusCode !== 200 && !isBusy) reject(new Error(`status ${answer.statusCode}`));
      answer.resume();
      answer.once('end', () => (isBusy ? post(body).then(resolve, reject) : resolve()));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

let next = 0;
async function loop(): Promise<void> {
  while (next < count) {
    const body = bodies[next % bodies.length];
    next += 1;
    await post(body);
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
agent.destroy();
