// Runs a program in its own network whose every name is asked here; prints the names, and how the program ended, as JSON.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const [program = '', ...args] = process.argv.slice(2);
const names = new Set<string>();
const stub = createSocket('udp4');

/** The name of a query: labels with their length, after a header of 12 bytes. */
function nameOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; at < query.length && query[at] !== 0; at += (query[at] ?? 0) + 1)
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)));
  return labels.join('.');
}

stub.on('message', (query, from) => {
  names.add(nameOf(query));
  // No such name: the program continues at once.
  const answer = Buffer.from(query);
  answer[2] = (answer[2] ?? 0) | 0x80;
  answer[3] = 0x83;
  stub.send(answer, from.port, from.address);
});
stub.bind(53, '127.0.0.1');
await once(stub, 'listening');
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
const [code] = await once(child, 'close');
stub.close();
console.log(JSON.stringify({ names: [...names], code }));
