import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Simulates the protocol of streaming inference as it is in a folder; prints the first broken rule with its seed, or "null".
const [folder, runs] = process.argv.slice(2);
const load = (path: string) => import(pathToFileURL(join(folder, path)).href);
const rules = ['control-state', 'member-step', 'output-store', 'version-map'];
const loaded = await Promise.all(rules.map((name) => load(`src/serving/streaming/${name}.ts`)));
const { simulate } = await load('test/inference/streaming/simulate.ts');
const protocol = Object.assign({}, ...loaded);
let broken: string | null = null;
for (let seed = 1; seed <= Number(runs) && broken === null; seed += 1) {
  try {
    const found: string | null = simulate(protocol, seed);
    if (found !== null) broken = `seed ${seed}: ${found}`;
  } catch (error) {
    broken = `seed ${seed}: ${String(error)}`;
  }
}
console.log(JSON.stringify(broken));
