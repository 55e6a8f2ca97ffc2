/** Files of a new project that are the same in each. */
export const CONFIG = `import { defineConfig } from 'headrace';
import project from './project.ts';

export default defineConfig({ project, environments: { local: {} } });
`;

export const PROJECT = `import { fileURLToPath } from 'node:url';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  gt,
  lookup,
  mean,
  model,
  streamView,
  sum,
  text,
  time,
} from 'headrace';

const user = entity('user', { user: text() });

export const visits = eventSource('visits', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text() },
});

/** A visit ends in one purchase at most, which has the id of the visit. */
export const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), price: decimal(2, { unit: 'EUR' }) },
});

const habits = streamView('habits', {
  source: visits,
  entity: user,
  key: { user: 'user' },
  windows: ['1d', '7d'],
  freshness: '1s',
  features: () => ({ visits: count() }),
});

const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '7d'],
  freshness: '1s',
  features: (e) => ({ purchases: count(), spent: sum(e.price), mean_price: mean(e.price) }),
});

export const shopper = featureService('shopper', {
  request: { user: text() },
  join: (r) => ({ habits: lookup(habits, { user: r.user }), spend: lookup(spend, { user: r.user }) }),
});

/** Will the user buy within an hour of the visit? */
export const buys = model('buys', {
  task: 'binary',
  service: shopper,
  spine: { from: visits, id: 'id' },
  label: { from: purchases, id: 'id', value: (e) => gt(e.price, 0), otherwise: false, within: '1h' },
  train: { with: { kind: 'command', command: ['python3', fileURLToPath(new URL('train.py', import.meta.url))] } },
});

export default defineProject('shop', { visits, purchases, buys });
`;

export const TEST = `import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openHeadrace } from 'headrace';
import project, { purchases, shopper, visits } from './project.ts';

test('a vector counts what a user did within each window, and no event twice', async () => {
  let now = Date.UTC(2026, 3, 29, 12);
  const directory = mkdtempSync(join(tmpdir(), 'shop-'));
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => now });
  try {
    await headrace.ingest(visits, [{ id: 'v1', at: now - 60_000, user: 'ada' }]);
    now = Date.UTC(2026, 4, 1, 12);
    const bought = { id: 'v1', at: now - 60_000, user: 'ada', price: '12.50' };
    await headrace.ingest(purchases, [bought, bought]);
    const { features } = await headrace.vector(shopper, { user: 'ada' });
    assert.equal(features.habits_visits_1d, 0);
    assert.equal(features.habits_visits_7d, 1);
    assert.equal(features.spend_purchases_1h, 1);
    assert.equal(features.spend_spent_7d, '12.50');
  } finally {
    await headrace.close();
    rmSync(directory, { recursive: true });
  }
});
`;

export const TSCONFIG = `{
  "compilerOptions": {
    "target": "esnext",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noEmit": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true
  },
  "include": ["*.ts"]
}
`;

export const REQUIREMENTS = `numpy
onnx
pandas
pyarrow
`;

export const NPMRC = `# The install script of onnxruntime-node fetches libraries for GPUs. They are not used, and it fails behind a firewall.
ignore-scripts=true
`;

export const GITIGNORE = `node_modules/
.headrace/
.venv/
training-set.parquet
`;

export const README = `# shop

Visits and purchases become features, and features predict whether a visit ends in a purchase. It needs Node 22.22 or newer;
training needs Python 3.10 or newer.

| file | |
|---|---|
| project.ts | the declaration: sources, views, a feature service, a model |
| headrace.config.ts | the environments that it runs in |
| project.test.ts | a test of the features, with a clock of its own |
| train.py | trains the model: from a Parquet file to an ONNX file |
| data | two weeks of visits and purchases, made up |

\`\`\`sh
npm install
npm test
npm run types
\`\`\`

## Take the history

\`\`\`sh
npx headrace ingest visits data/visits.csv --bootstrap
npx headrace ingest purchases data/purchases.csv --bootstrap
npx headrace features get shopper user=user-4
\`\`\`

## Train

\`\`\`sh
python3 -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt
npx headrace train buys --promote
\`\`\`

## Serve and predict

\`\`\`sh
npx headrace dev
\`\`\`

In another terminal:

\`\`\`sh
curl -s localhost:8080/v1/predictions/buys -H content-type:application/json -d '{"id": "p1", "request": {"user": "user-4"}}'
\`\`\`

\`dev\` starts again when a file changes, and \`dev --reset\` begins with no data. \`serve\` is for production.

## Look at it in pandas

\`\`\`sh
npx headrace training-set buys --out training-set.parquet
python3 -c "import pandas; print(pandas.read_parquet('training-set.parquet').describe())"
\`\`\`

Without a model, take onnxruntime-node out of package.json: serving features does not need it.
`;
