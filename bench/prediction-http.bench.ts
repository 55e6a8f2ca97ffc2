import { bool, defineProject, eventSource, int, model, text, time } from 'headrace';
import { seededRandom } from '../src/base/rng.ts';
import { modelInputs } from '../src/model/model-inputs.ts';
import { insideOf } from '../src/running/inside.ts';
import { newVersion } from '../src/testing/contracts/model-registry.ts';
import { parseBoostedOptions } from '../src/training/boosted-trees/boosted-options.ts';
import { boostedSteps } from '../src/training/boosted-trees/train-boosted.ts';
import { endOf } from '../test/models/train-whole.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { purchases, shopper } from './shop.ts';
import { runningShop, serveShop, USERS } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * Processor time of a prediction by entity key over HTTP: 24 features in three tiers, 100 trees, in the log before it is
 * answered. Yardstick: the read of the same features over HTTP. Both take turns, wrk on the same cores.
 */
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 4);
const ROUNDS = 4;

const baskets = eventSource('baskets', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), basket: int() },
});
const bought = eventSource('bought', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), basket: text(), paid: bool() },
});
const buys = model('buys', {
  task: 'binary',
  service: shopper,
  spine: { from: baskets, id: 'id' },
  label: { from: bought, id: 'basket', value: (e) => e.paid, within: '1h' },
  train: { with: { kind: 'boostedTrees', trees: 100 } },
});

const { headrace, now } = await runningShop(defineProject('shop', { purchases, shopper, buys }));
await registerTrees();
const { server, url } = await serveShop(headrace, shopper);
const requests = Array.from({ length: 200 }, (_, i) => ({ user: `u${(i * 7) % USERS}`, at: now, basket: i }));
const reads = requests.map((request) => JSON.stringify({ request }));
const asked = requests.map((request, i) => JSON.stringify({ id: `b${i}`, request }));
const predictions = url.replace('/v1/features/shopper', '/v1/predictions/buys');
const costs = { reads: [] as number[], predictions: [] as number[] };
let errors = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  const read = await costOf(url, reads);
  const predicted = await costOf(predictions, asked);
  if (round === 0) continue;
  costs.reads.push(read);
  costs.predictions.push(predicted);
}
await server.close();
await headrace.close();
if (errors > 0) throw new Error(`${errors} answers were none`);

printFigure({
  name: 'prediction by entity key, 24 features in three tiers, 100 trees, in the log, over HTTP',
  unit: 'CPU µs a request',
  value: median(costs.predictions),
  yardstick: 'the read of the same features over HTTP',
  yardstickValue: median(costs.reads),
  aim: { of: 'ratio', atMost: 1.5 },
});

/** Processor time of this process for a request, µs; wrk is another process. */
async function costOf(of: string, bodies: readonly string[]): Promise<number> {
  const before = process.cpuUsage();
  const { requestsPerSecond, errors: failed } = await wrk(of, SECONDS, bodies);
  const { user, system } = process.cpuUsage(before);
  errors += failed;
  return (user + system) / (requestsPerSecond * SECONDS);
}

/** Gives the model a champion of 100 trees. */
async function registerTrees(): Promise<void> {
  const { registry, artifacts } = insideOf(headrace).stores;
  const names = modelInputs(shopper).map(({ name }) => name);
  const random = seededRandom(5);
  const columns = names.map(() => Float32Array.from({ length: 2_000 }, () => Math.floor(random() * 1_000)));
  const labels = Float64Array.from({ length: 2_000 }, (_, row) => Number(columns[0][row] + 300 * random() > 600));
  const options = parseBoostedOptions({ kind: 'boostedTrees', trees: 100 });
  const trained = endOf(boostedSteps({ names, columns, labels }, { options, path: 'bench', task: 'binary' }));
  const { version } = await registry.register(
    newVersion('buys', {
      signature: { features: names, input: trained.input, output: trained.output, encoding: 1 },
      artifact: await artifacts.put(trained.onnx),
      parity: await artifacts.put(new TextEncoder().encode(JSON.stringify(trained.parity))),
    }),
  );
  await headrace.promote(buys, version);
}
