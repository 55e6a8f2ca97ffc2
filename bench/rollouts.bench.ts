import { openHeadrace } from '../src/running/headrace.ts';
import { halfAtOnce, soldProject } from '../test/rollouts/sold-project.ts';
import { registerVersions } from '../test/rollouts/versions.ts';
import { printFigure } from './figure.ts';
import { measureRates, quantile } from './measure.ts';
import { scratchDirectory } from './shop.ts';

/**
 * Predictions in process, 32 calls at a time, during a rollout of which everybody is a part (half canary, half baseline). Yardstick in
 * the same run: two projects side by side, one without a rollout. Then the time from the call that rolls a promoted version back to
 * the first answer of the version before it, predictions under way.
 */
const PREDICTIONS = 4_000;
const AT_ONCE = 32;
const ROLLBACKS = 20;

async function opened() {
  const directory = scratchDirectory();
  await registerVersions(directory, 'sold', ['good', 'good']);
  const project = soldProject({ ...halfAtOnce, every: '1d' });
  const headrace = await openHeadrace({
    project,
    environment: { directory },
    onFault: (error) => console.error(error),
  });
  const [sold] = project.models;
  let made = 0;
  const predict = () => {
    made += 1;
    const request = { name: `caller ${made % 500}`, number: (made % 40) / 20 - 1, gaps: null, category: 1 };
    return headrace.predict(sold, `p-${made}`, request);
  };
  const run = async () => {
    for (let i = 0; i < PREDICTIONS; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, predict));
  };
  return { headrace, control: headrace.rollout(sold), predict, run };
}

const decision = { by: 'bench', reason: 'bench' };
const [plain, rolling] = [await opened(), await opened()];
await rolling.control.start(2, decision);
const rates = await measureRates({
  rolling: { operations: PREDICTIONS, run: rolling.run },
  plain: { operations: PREDICTIONS, run: plain.run },
});
printFigure({
  name: 'predictions during a rollout, everybody in a compared cohort',
  unit: 'predictions/s',
  value: rates.rolling,
  yardstick: 'without a rollout',
  yardstickValue: rates.plain,
  aim: null,
});
await rolling.control.rollBack(decision);

const times: number[] = [];
for (let i = 0; i < ROLLBACKS; i += 1) {
  await rolling.control.start(2, decision);
  await rolling.control.promote(decision);
  let before = (await rolling.predict()).version;
  if (before !== 2) throw new Error(`version ${before} answers after the promotion`);
  const from = performance.now();
  const back = rolling.control.rollBack(decision);
  while (before !== 1) [{ version: before }] = await Promise.all(Array.from({ length: AT_ONCE }, rolling.predict));
  times.push(performance.now() - from);
  await back;
}
printFigure({
  name: `rollback of a promoted version until the one before it answers, p99 of ${ROLLBACKS}; other processes look every 250 ms`,
  unit: 'ms',
  value: quantile(times, 0.99),
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 1_000 },
});
await Promise.all([plain.headrace.close(), rolling.headrace.close()]);
