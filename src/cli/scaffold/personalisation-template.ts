import { sampleClicks } from './sample-clicks.ts';
import { AGENTS, CONFIG, GITIGNORE, NPMRC, TSCONFIG } from './shared-texts.ts';
import { declaredPackages, type Template } from './template.ts';

const PROJECT = `import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  lookup,
  model,
  ne,
  streamView,
  text,
  time,
} from 'headrace';

const user = entity('user', { user: text() });
const item = entity('item', { item: text() });
const taste = entity('taste', { user: text(), category: text() });

const columns = { id: text(), at: time(), user: text(), item: text(), category: text() };

/** An item that was shown to a user: the request of a prediction. */
export const shown = eventSource('shown', { id: 'id', time: 'at', columns });

/** A click has the id of the shown item. */
export const clicks = eventSource('clicks', { id: 'id', time: 'at', columns });

const windows = ['1h', '7d'] as const;

const ofUser = streamView('of_user', {
  ...{ source: clicks, entity: user, key: { user: 'user' }, windows, freshness: '1s' },
  features: () => ({ clicks: count() }),
});

const ofItem = streamView('of_item', {
  ...{ source: clicks, entity: item, key: { item: 'item' }, windows, freshness: '1s' },
  features: () => ({ clicks: count() }),
});

/** How often the user chose this category: the taste. */
const ofTaste = streamView('of_taste', {
  ...{ source: clicks, entity: taste, key: { user: 'user', category: 'category' }, windows, freshness: '1s' },
  features: () => ({ clicks: count() }),
});

export const candidate = featureService('candidate', {
  request: { user: text(), item: text(), category: text() },
  join: (r) => ({
    user: lookup(ofUser, { user: r.user }),
    item: lookup(ofItem, { item: r.item }),
    taste: lookup(ofTaste, { user: r.user, category: r.category }),
  }),
});

/** Does the user click within an hour? */
export const click = model('click', {
  task: 'binary',
  service: candidate,
  spine: { from: shown, id: 'id' },
  label: { from: clicks, id: 'id', value: (e) => ne(e.item, ''), otherwise: false, within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
});

export default defineProject('personalisation', { shown, clicks, click });
`;

const TEST = `import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openHeadrace } from 'headrace';
import project, { candidate, clicks } from './project.ts';

test('a click counts for its user, its item and the taste of the user, and for no other', async () => {
  const now = Date.UTC(2026, 4, 1, 12);
  const directory = mkdtempSync(join(tmpdir(), 'personalisation-'));
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => now });
  try {
    await headrace.ingest(clicks, [{ id: 's1', at: now - 60_000, user: 'ada', item: 'tea', category: 'drinks' }]);
    const read = async (user: string, item: string, category: string) =>
      (await headrace.vector(candidate, { user, item, category })).features;
    const own = await read('ada', 'tea', 'drinks');
    assert.deepEqual([own.user_clicks_1h, own.item_clicks_1h, own.taste_clicks_1h], [1, 1, 1]);
    const other = await read('bob', 'cup', 'drinks');
    assert.deepEqual([other.user_clicks_1h, other.item_clicks_1h, other.taste_clicks_1h], [0, 0, 0]);
  } finally {
    await headrace.close();
    rmSync(directory, { recursive: true });
  }
});
`;

const README = `# Personalisation

Clicks become features of users, of items, and of the taste of a user. A model ranks candidates by them. It needs Node 22.22 or newer.

| file | |
|---|---|
| project.ts | the declaration: sources, three views, a feature service, a model |
| headrace.config.ts | the environments that it runs in |
| project.test.ts | a test of the features, with a clock of its own |
| data | a week of shown items and clicks, made up: each user likes one category of four |

\`\`\`sh
npm install
npm test
npx headrace ingest shown=data/shown.csv clicks=data/clicks.csv --bootstrap
npx headrace train click --promote
npx headrace dev
\`\`\`

In another terminal, one candidate that the user likes:

\`\`\`sh
curl -s localhost:8080/v1/predictions/click -H content-type:application/json -d '{"id": "p1", "request": {"user": "user-4", "item": "item-8", "category": "category-0"}}'
\`\`\`

\`headrace plan\` shows what a change of the declaration would do. \`serve\` is for production.
`;

/** Users, items and clicks, and a model that its embedded trainer fits. */
export const personalisationTemplate: Template = {
  name: 'personalisation',
  title: 'personalisation: users, items, clicks, and a model that ranks',
  packages: declaredPackages({ models: true }),
  next: ['npm test', 'npx headrace dev'],
  npmSettings: { '.npmrc': NPMRC },
  files: (now) => {
    const { shown, clicks } = sampleClicks(now);
    return {
      'project.ts': PROJECT,
      'headrace.config.ts': CONFIG,
      'project.test.ts': TEST,
      'tsconfig.json': TSCONFIG,
      'README.md': README,
      'AGENTS.md': AGENTS,
      'data/shown.csv': shown,
      'data/clicks.csv': clicks,
      '.gitignore': GITIGNORE,
    };
  },
};
