import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  lookup,
  model,
  openHeadrace,
  pipeline,
  share,
  startServer,
  streamView,
  text,
  time,
} from 'headrace';
import { createClient } from 'headrace/client';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);

const offers = eventSource('offers', {
  id: 'offer',
  time: 'at',
  columns: { offer: text(), at: time(), user: text(), price: int() },
});

const answers = eventSource('answers', {
  id: 'offer',
  time: 'at',
  columns: { offer: text(), at: time(), user: text(), taken: int(), minutes: int() },
});

const habits = streamView('habits', {
  source: answers,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['7d'],
  freshness: '1s',
  features: (e) => ({ answers: count(), taken_share: share(gt(e.taken, 0)) }),
});

const offering = featureService('offering', {
  request: { user: text(), price: int() },
  join: (r) => ({ user: lookup(habits, { user: r.user }) }),
  compute: (r) => ({ price: r.price }),
});

const spine = { from: offers, id: 'offer' } as const;

const taken = model('taken', {
  task: 'binary',
  service: offering,
  spine,
  label: { from: answers, id: 'offer', value: (e) => gt(e.taken, 0), within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});

const minutes = model('minutes', {
  task: 'regression',
  service: offering,
  spine,
  label: { from: answers, id: 'offer', value: (e) => e.minutes, within: '1d' },
  train: { with: { kind: 'boostedTrees', trees: 20, seed: 1 } },
});

// Features, then both models, then a function: the types of each step are those of the previous step.
const offer = pipeline('offer', {
  service: offering,
  models: { taken, minutes },
  outputs: { action: text(), worth: float() },
  run: ({ request, features, scores }) => {
    const worth = scores.taken * request.price;
    const isNew = (features.user_answers_7d ?? 0) === 0;
    const known = worth < 5 ? 'skip' : scores.minutes > 30 ? 'mail' : 'call';
    return { action: isNew ? 'mail' : known, worth };
  },
});

const project = defineProject('shop', { offers, answers, taken, minutes, offer });

let now = START;
const headrace = await openHeadrace({ project, environment: { directory: '.headrace/pipeline' }, clock: () => now });
for (; now < START + 8 * 24 * HOUR_MS; now += HOUR_MS) {
  const asked = Array.from({ length: 10 }, (_, i) => {
    const number = ((now - START) / HOUR_MS) * 10 + i;
    const isKeen = number % 2 === 0;
    const price = 10 + ((number * 7) % 31);
    return {
      offer: `o${number}`,
      user: `u${number % 20}`,
      price,
      taken: isKeen && price < 35 ? 1 : 0,
      minutes: isKeen ? 5 : 50,
    };
  });
  const at = now;
  await headrace.ingest(
    offers,
    asked.map(({ offer: id, user, price }) => ({ offer: id, at, user, price })),
  );
  await headrace.ingest(
    answers,
    asked.map(({ offer: id, user, ...rest }) => ({
      offer: id,
      at: at + 60_000,
      user,
      taken: rest.taken,
      minutes: rest.minutes,
    })),
  );
}
for (const one of [taken, minutes]) {
  const { version } = await headrace.train(one, { to: now - 24 * HOUR_MS });
  await headrace.promote(one, version);
}

const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MB' });
const client = createClient<typeof project>({ url: server.url });
for (const [id, user, price] of [
  ['n-1', 'u2', 30],
  ['n-2', 'u3', 30],
  ['n-3', 'unknown', 30],
] as const) {
  const { outputs, models } = await client.predict('offer', id, { user, price });
  console.log(user, outputs.action, models.taken.version, models.minutes.version);
}
// → u2 call 1 1
// → u3 skip 1 1
// → unknown mail 1 1

await server.close();
await headrace.close();
