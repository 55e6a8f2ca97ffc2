import { openHeadrace } from '../../../src/index.ts';
import { sold, soldShop } from '../sold-shop.ts';

// Runs a batch job of an environment whose model has a rollout; prints a line for each published partition, for the result and for the shadow.
const [directory, from, to] = process.argv.slice(2);
const headrace = await openHeadrace({ project: soldShop, environment: { directory } });
const { result, shadow } = await headrace.startBatch(sold, {
  from,
  to,
  workers: 2,
  onProgress: ({ rows }) => console.log(`rows ${rows}`),
});
console.log(`result ${JSON.stringify(await result)}`);
console.log(`shadow ${JSON.stringify(await shadow)}`);
await headrace.close();
