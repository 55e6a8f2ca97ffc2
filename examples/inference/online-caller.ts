import { once } from 'node:events';
import { readFileSync } from 'node:fs';

// Asks a server one flight after the other and times each call: once without looking at the clock, then when it is sent a message.
const [path, url] = process.argv.slice(2);
const bodies = readFileSync(path, 'utf8').split('\n');

async function ask(body: string): Promise<number> {
  const begun = performance.now();
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  await answer.text();
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return performance.now() - begun;
}

for (const body of bodies.slice(0, bodies.length / 4)) await ask(body);
console.log('warm');
await once(process, 'message');
const times: number[] = [];
for (const body of bodies) times.push(await ask(body));
console.log(JSON.stringify(times));
process.disconnect();
