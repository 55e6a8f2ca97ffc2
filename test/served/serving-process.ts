import { defineProject } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { service } from '../models/small-project.ts';

// Serves vectors, hands a part of them over, notes the rest, and waits for its end.

const START = Date.UTC(2026, 0, 1);
const [directory, handed, unsent] = process.argv.slice(2);
let now = START;
const project = defineProject('served', { service });
const headrace = await openHeadrace({ project, environment: { directory }, clock: () => now });

async function serve(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    now += 1;
    await headrace.vector(service, {
      name: `n${i % 5}`,
      number: i,
      gaps: i % 10 === 0 ? null : i / 7,
      category: i % 4,
    });
  }
}

await serve(Number(handed));
await headrace.flush();
await serve(Number(unsent));
await headrace.tick();
process.stdout.write('served\n');
setInterval(() => undefined, 60_000);
