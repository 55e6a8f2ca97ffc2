import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';
import { shop, shopper } from './shop.ts';
import { runningShop, USERS } from './shop-server.ts';

/**
 * A vector of 24 features over three tiers, in process, on one core: parsed request in, values out. Yardstick: parsing and
 * writing the same answer as JSON, which any server has to do.
 */
const { headrace, now } = await runningShop(shop);
const requests = Array.from({ length: USERS }, (_, u) => ({ user: `u${u}`, at: now, basket: u }));
const text = await headrace.vectorText(shopper, requests[0]);
const merged = headrace.features.tilesMerged(shopper);
const VECTORS = 100_000;

const rates = await measureRates({
  vectors: {
    operations: VECTORS,
    run: () => {
      for (let i = 0; i < VECTORS; i += 1) headrace.features.read(shopper, requests[i % USERS], now);
    },
  },
  json: {
    operations: VECTORS,
    run: () => {
      for (let i = 0; i < VECTORS; i += 1) JSON.stringify(JSON.parse(text));
    },
  },
});
await headrace.close();

printFigure({
  name: `vector of ${shopper.features.length} features over three tiers, ${merged} tiles merged, in process`,
  unit: 'vectors/s',
  value: rates.vectors,
  yardstick: 'JSON.parse and JSON.stringify of the answer',
  yardstickValue: rates.json,
  aim: { of: 'value', atLeast: 150_000 },
});
