import { collectEnvironments } from '../../src/backends/python/collect-environments.ts';
import { EnvironmentUses } from '../../src/backends/python/environment-uses.ts';

/** Collects below a folder, again and again, until it is killed: <folder> <folder of uses> <needed>. */
const [directory = '', folder = '', needed = ''] = process.argv.slice(2);
const uses = new EnvironmentUses(folder);
console.log('begun');
for (;;) await collectEnvironments({ directory, uses, needed: new Set([needed]), before: Number.POSITIVE_INFINITY });
