import { join } from 'node:path';
import { type Random, randomBelow } from '../../base/rng.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  gt,
  int,
  lookup,
  model,
  streamInference,
  streamView,
  text,
  time,
} from '../../features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../running/headrace.ts';

/** Offers of the made-up shop: each is a question to the model. */
const offers = eventSource('offers', {
  id: 'offer',
  time: 'at',
  columns: { offer: text(), at: time(), user: text(), price: int() },
});

const answers = eventSource('answers', {
  id: 'offer',
  time: 'at',
  columns: { offer: text(), at: time(), user: text(), taken: int() },
});

const habits = streamView('habits', {
  source: answers,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['7d'],
  freshness: '1s',
  features: () => ({ answers: count() }),
});

const offering = featureService('offering', {
  request: { user: text(), price: int() },
  join: (r) => ({ user: lookup(habits, { user: r.user }) }),
  compute: (r) => ({ price: r.price }),
});

/** Whether a user takes an offer. */
export const taken = model('taken', {
  task: 'binary',
  service: offering,
  spine: { from: offers, id: 'offer' },
  label: { from: answers, id: 'offer', value: (e) => gt(e.taken, 0), otherwise: false, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});

const scored = streamInference('scored', { model: taken, from: offers, to: 'offer_scores' });

const project = defineProject('offers', { offers, answers, taken, scored });

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const BEGIN = Date.UTC(2026, 0, 5);
const OFFERS = 1_200;
const USERS = 60;
/** Dear offers are taken less often. */
const MOST_PRICE = 40;

/** A shop with some days of offers and answers, two trained versions, and the first of them champion. */
export interface OffersShop {
  readonly headrace: Headrace;
  readonly versions: readonly [number, number];
  readonly anyRequest: () => { readonly user: string; readonly price: number };
  /** Takes more offers, which the stream scores. */
  readonly offer: (many: number) => Promise<void>;
}

/** Opens the shop, and trains on its first days and on all of them. */
export async function openOffersShop(folder: string, random: Random): Promise<OffersShop> {
  const clock = { now: BEGIN };
  const headrace = await openHeadrace({
    project,
    environment: { directory: join(folder, 'shop'), partitions: 1 },
    clock: () => clock.now,
  });
  const anyRequest = () => ({ user: `u${randomBelow(random, USERS)}`, price: 1 + randomBelow(random, MOST_PRICE) });
  let sent = 0;
  const take = async (many: number) => {
    const rows = Array.from({ length: many }, () => {
      sent += 1;
      clock.now += MINUTE_MS;
      return { offer: `o${sent}`, at: clock.now, ...anyRequest() };
    });
    await headrace.ingest(offers, rows);
    return rows;
  };
  const days = async () => {
    const rows = await take(OFFERS);
    const isTaken = (price: number) => random() > price / MOST_PRICE;
    await headrace.ingest(
      answers,
      rows.map(({ offer, at, user, price }) => ({ offer, at, user, taken: isTaken(price) ? 1 : 0 })),
    );
    clock.now += 2 * DAY_MS;
    await headrace.flush();
    return headrace.train(taken, { to: clock.now - DAY_MS });
  };
  try {
    const first = await days();
    const second = await days();
    await headrace.promote(taken, first.version);
    const offer = async (many: number) => {
      await take(many);
      await headrace.flush();
      await headrace.tick();
    };
    return { headrace, versions: [first.version, second.version], anyRequest, offer };
  } catch (error) {
    await headrace.close();
    throw error;
  }
}
