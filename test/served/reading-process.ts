import { setImmediate } from 'node:timers/promises';
import { defineProject } from '../../src/features/define/declare.ts';
import { openReader } from '../../src/running/reader.ts';
import { asked, service } from '../models/small-project.ts';

// Serves vectors without a way to the log, hands a part of them over, notes the rest, and waits for its end.

const START = Date.UTC(2026, 0, 1);
const [directory, handed, unsent] = process.argv.slice(2);
let now = START;
const project = defineProject('served', { asked, service });
const reader = await openReader({ project, environment: { directory }, clock: () => now });

async function serve(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    now += 1;
    await reader.read(service, { name: `n${i % 5}`, number: i, gaps: i % 10 === 0 ? null : i / 7, category: i % 4 });
  }
}

/** Hands over what is due. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i += 1) {
    await reader.tick();
    await setImmediate();
  }
}

await serve(Number(handed));
await settle();
// The minute is over: its rows leave.
now = START + 60_000;
await settle();
await serve(Number(unsent));
setInterval(() => void reader.tick(), 20);
process.stdout.write('served\n');
