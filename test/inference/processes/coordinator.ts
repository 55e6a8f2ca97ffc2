import { startBatch } from '../../../src/serving/batch/start-batch.ts';
import { small } from '../../models/small-project.ts';
import { siteContext } from '../batch-site.ts';

// Runs a batch job over the small model; prints a line for each published partition, and the summary.
const [directory, from, to] = process.argv.slice(2);
const { result } = await startBatch(
  small,
  { from, to, workers: 2, mostErrors: 0.5, onProgress: ({ rows }) => console.log(`rows ${rows}`) },
  siteContext(directory),
);
console.log(JSON.stringify(await result));
