// Run as its own process by prediction-kill.ts: predicts and takes labels until it is killed. Prints each prediction
// ("p <number> <score>") and each label ("l <number>") once it is acknowledged.
import { seededRandom } from '../../src/base/rng.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { came, small } from '../models/small-project.ts';
import { environmentIn, project } from './prediction-project.ts';

const [directory = '', from = '0', seed = '1', memory] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const below = (bound: number): number => Math.floor(random() * bound);

const headrace = await openHeadrace({ project, environment: environmentIn(directory, memory) });
let flushing: Promise<void> | null = null;
let next = Number(from);
let labelled = Math.max(0, next - 30);
for (;;) {
  const asking = Array.from({ length: 1 + below(12) }, () => predict(next++));
  await Promise.all(asking);
  // Some labels are of predictions that an earlier process has answered.
  while (labelled < next - 20) await label(labelled++);
  if (below(5) === 0) await headrace.tick();
  // Predicting continues while the history is written.
  if (flushing === null && below(6) === 0)
    flushing = headrace.flush().then(() => {
      flushing = null;
    });
  await new Promise((resolve) => setImmediate(resolve));
}

async function predict(n: number): Promise<void> {
  const request = { name: `n${n % 5}`, number: n % 37, gaps: n % 7 === 0 ? null : 0.5, category: n % 6 };
  const { score } = await headrace.predict(small, `p${n}`, request);
  process.stdout.write(`p ${n} ${score}\n`);
}

async function label(n: number): Promise<void> {
  const { refused } = await headrace.ingest(came, [
    { id: `l${n}-${seed}`, at: Date.now(), asked: `p${n}`, good: n % 3 === 0 },
  ]);
  if (refused.length > 0) throw new Error(JSON.stringify(refused));
  process.stdout.write(`l ${n}\n`);
}
