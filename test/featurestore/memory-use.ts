// Reads many keys of one kind of view, and prints how much memory they are said to take and do take, in bytes, as JSON. Nothing of the
// process that wrote them is in the memory that is measured.
// Run: node --expose-gc memory-use.ts <kind> <keys> <directory>
import { type Kind, kinds, MINUTE_MS, NOON, openKeys, projectOf } from './memory-keys.ts';

const [, , kind = 'sparse', number, directory = ''] = process.argv as [string, string, Kind, string, string];
const keys = Number(number);
await read();

function used(): number {
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function read(): Promise<void> {
  const now = NOON + kinds[kind] * MINUTE_MS;
  const { service } = projectOf(kind);
  const headrace = await openKeys(kind, directory, () => now);
  const readKey = (user: number) => headrace.vectorText(service, { user: `user-${user}` });
  // The first tenth compiles the readers.
  const first = Math.floor(keys / 10);
  for (let i = 0; i < first; i += 1) await readKey(i);
  const tilesOf = () => headrace.status().memory.parts['tiles'] ?? 0;
  const [before, saidBefore] = [used(), tilesOf()];
  for (let pass = 0; pass < 2; pass += 1) for (let i = first; i < keys; i += 1) await readKey(i);
  const [after, saidAfter] = [used(), tilesOf()];
  const figures = { kind, keys: keys - first, said: saidAfter - saidBefore, real: after - before };
  await headrace.close();
  console.log(JSON.stringify(figures));
}
