import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { spreadShop } from './shop.ts';
import { runningShop, serveShop, USERS } from './shop-server.ts';
import { wrk } from './wrk.ts';

/** 24 features spread over 20 views against the same number in one view, over HTTP; the two take turns. */
const bodies = Array.from({ length: 200 }, (_, i) => JSON.stringify({ request: { user: `u${(i * 7) % USERS}` } }));
const shops = await Promise.all(
  [1, 20].map(async (views) => {
    const { service, project } = spreadShop(views);
    const { headrace } = await runningShop(project);
    return { headrace, ...(await serveShop(headrace, service)), rates: [] as number[] };
  }),
);
for (let round = 0; round < 4; round += 1) {
  for (const { url, rates } of shops) {
    const { requestsPerSecond, errors } = await wrk(url, 4, bodies);
    if (errors > 0) throw new Error(`${errors} answers were none`);
    if (round > 0) rates.push(requestsPerSecond);
  }
}
for (const { headrace, server } of shops) {
  await server.close();
  await headrace.close();
}

const [one, twenty] = shops.map(({ rates }) => 1e6 / median(rates));
printFigure({
  name: 'time of a request, 24 features over 20 views',
  unit: 'µs',
  value: twenty,
  yardstick: 'the same over one view',
  yardstickValue: one,
  aim: { of: 'ratio', atMost: 1.3 },
});
