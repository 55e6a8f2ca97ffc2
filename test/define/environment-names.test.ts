import { expect, test } from 'vitest';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { checkDeclaredNames } from '../../src/environment/declared-names.ts';
import {
  batchView,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  sql,
  text,
  time,
} from '../../src/features/define/declare.ts';

/** Together they have every object that an environment may have. */
const environments: readonly EnvironmentOptions[] = [
  {
    namespace: 'shop',
    log: { kind: 'embedded' },
    engine: { kind: 'embedded' },
    online: { kind: 'embedded' },
    offline: { engine: { kind: 'embedded' } },
    registry: { kind: 'embedded' },
    artifacts: { kind: 'directory' },
    disk: {},
    traces: {},
    metrics: {},
    profiles: {},
    prices: { refresh: { command: ['prices'], from: 'prices.json' } },
    models: {
      queue: { weights: { one: 2 } },
      python: {},
      upstreams: { other: { kind: 'oip', url: 'http://other:1', key: { env: 'OTHER' } } },
    },
    training: {},
    alerts: { sinks: { chat: { kind: 'slack', url: { env: 'CHAT' } } }, routes: [{ to: ['chat'] }] },
  },
  {
    log: {
      kind: 'kafka',
      brokers: ['a:1'],
      tls: {},
      sasl: { mechanism: 'PLAIN', username: 'u', password: { env: 'P' } },
    },
    sources: { asked: { kind: 'kafka', brokers: ['b:1'], topic: 'asked', format: { kind: 'json' } } },
    engine: { kind: 'flink', gateway: 'http://gateway:1', cluster: 'http://cluster:1' },
    online: { kind: 'redis', url: 'redis://c:1', nested: ['taste'] },
    offline: { engine: { kind: 'spark', home: '/spark', conf: { 'spark.ui.enabled': 'false' } } },
    registry: { kind: 'postgres', url: 'postgresql://d:1/registry' },
    artifacts: {
      kind: 's3',
      endpoint: 'http://e:1',
      bucket: 'models',
      accessKeyId: { env: 'K' },
      secretAccessKey: { env: 'S' },
    },
  },
];

/** Objects whose members the user names. */
const named = new Set(['sources', 'models.queue.weights', 'models.upstreams', 'alerts.sinks', 'offline.engine.conf']);

/** The paths of the objects of a value, outer ones first. */
function objectsIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, one]) => objectsIn(one, [...path, key]));
  return Array.isArray(value) || named.has(path.join('.')) ? inner : [path, ...inner];
}

function withMember(value: unknown, [first, ...rest]: readonly string[]): unknown {
  if (first === undefined) return { ...(value as object), misspelt: 1 };
  const changed = Object.entries(value as object).map(([key, one]) => [
    key,
    key === first ? withMember(one, rest) : one,
  ]);
  return Array.isArray(value) ? changed.map(([, one]) => one) : Object.fromEntries(changed);
}

test('a name that no option has is refused, wherever it stands in an environment', () => {
  const paths: string[] = [];
  for (const options of environments) {
    expect(() => resolveEnvironment('here', options, 'shop')).not.toThrow();
    for (const path of objectsIn(options)) {
      paths.push(path.join('.'));
      const wrong = withMember(options, path) as EnvironmentOptions;
      expect(() => resolveEnvironment('here', wrong, 'shop'), path.join('.')).toThrow(
        expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining('misspelt') }),
      );
    }
  }
  expect(paths.length).toBeGreaterThan(30);
});

test('an environment names what its project declares: an entity of one column has no first one to be kept with', () => {
  const bought = eventSource('bought', {
    id: 'id',
    time: 'at',
    columns: { id: text(), at: time(), user: text(), kind: text() },
  });
  const user = entity('user', { user: text() });
  const taste = entity('taste', { user: text(), kind: text() });
  const view = {
    schedule: '0 3 * * *',
    freshness: '2d',
    reads: { bought },
    features: { n: int() },
    sql: () => sql`SELECT 1`,
  } as const;
  const users = batchView('users', { ...view, entity: user });
  const tastes = batchView('tastes', { ...view, entity: taste });
  const both = featureService('both', {
    request: { user: text(), kind: text() },
    join: (r) => ({ users: lookup(users, { user: r.user }), tastes: lookup(tastes, { user: r.user, kind: r.kind }) }),
  });
  const project = defineProject('shop', { bought, users, tastes, both });
  const check = (nested: string[]) => () =>
    checkDeclaredNames(
      project,
      resolveEnvironment('here', { online: { kind: 'redis', url: 'redis://c:1', nested } }, 'shop'),
    );
  expect(check([])).not.toThrow();
  expect(check(['taste'])).not.toThrow();
  for (const name of ['tastes', 'user', 'Taste', ''])
    expect(check(['taste', name]), name).toThrow(expect.objectContaining({ code: 'ENTITY_UNKNOWN' }));
});
