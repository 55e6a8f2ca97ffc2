import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { shop, shopper } from './shop.ts';
import { helloServer, runningShop, serveShop, USERS } from './shop-server.ts';
import { wrk } from './wrk.ts';

/** The same vector over HTTP, wrk on the other core, against a bare node:http hello; the two take turns. */
const { headrace, now } = await runningShop(shop);
const { server, url } = await serveShop(headrace, shopper);
const hello = await helloServer();
const bodies = Array.from({ length: 200 }, (_, i) =>
  JSON.stringify({ request: { user: `u${(i * 7) % USERS}`, at: now, basket: i } }),
);
const rates = { ours: [] as number[], hello: [] as number[] };
let errors = 0;
for (let round = 0; round < 4; round += 1) {
  const ours = await wrk(url, 4, bodies);
  const bare = await wrk(hello.url, 4);
  errors += ours.errors + bare.errors;
  if (round === 0) continue;
  rates.ours.push(ours.requestsPerSecond);
  rates.hello.push(bare.requestsPerSecond);
}
hello.server.close();
await server.close();
await headrace.close();
if (errors > 0) throw new Error(`${errors} answers were none`);

printFigure({
  name: 'vector of 24 features over three tiers, over HTTP',
  unit: 'requests/s',
  value: median(rates.ours),
  yardstick: 'bare node:http hello',
  yardstickValue: median(rates.hello),
  aim: { of: 'ratio', atLeast: 0.4 },
});
