import { expect, test } from 'vitest';
import { declarationErrors } from '../../src/base/errors/declaration.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import {
  add,
  apply,
  batchInference,
  batchView,
  bool,
  changeSource,
  count,
  decimal,
  defineProject,
  distinct,
  embedding,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  lastN,
  list,
  literal,
  lookup,
  maxOfDays,
  mean,
  model,
  multiply,
  nullable,
  onDemandView,
  orElse,
  over,
  proxy,
  quantile,
  sql,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';

const columns = { id: text(), at: time(), user: text(), n: int(), x: float(), price: decimal(2), rate: decimal(4) };
const events = eventSource('events', { id: 'id', time: 'at', columns });
const user = entity('user', { user: text() });
const base = { source: events, entity: user, key: { user: 'user' }, windows: ['1h'], freshness: '1s' } as const;
const view = streamView('view', { ...base, features: (e) => ({ n: count(), total: sum(e.n) }) });
const batch = {
  entity: user,
  schedule: '0 3 * * *',
  freshness: '1d',
  reads: { events },
  features: { m: int() },
} as const;
const ratio = onDemandView('ratio', {
  inputs: { now: float() },
  features: { ratio: float() },
  compute: ({ now }) => ({ ratio: now }),
});
const service = featureService('service', {
  request: { user: text() },
  join: (r) => ({ u: lookup(view, { user: r.user }) }),
});
const spine = eventSource('spine', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), n: int() },
});
const learned = {
  task: 'binary',
  service,
  spine: { from: spine, id: 'id' },
  label: { from: events, id: 'id', value: () => literal(true), within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
} as const;

/** What only the run refuses, or refuses as well where types are not checked; `wrong` passes the types. */
const wrong = (value: unknown): never => value as never;

const scored = {
  model: model('scored', learned),
  entity: user,
  schedule: '0 3 * * *',
  freshness: '1d',
  reads: { events },
  rows: () => sql`SELECT 1`,
} as const;

const refusals: readonly (readonly [mistake: string, code: string, declare: () => unknown])[] = [
  [
    'a row known by the id of its change',
    'SOURCE_ROLE',
    () =>
      changeSource('rows', {
        id: 'id',
        time: 'at',
        row: { id: 'id', time: 'at' },
        before: 'gone',
        columns: { id: text(), at: time(), gone: bool() },
      }),
  ],
  [
    'a row taken away by a text',
    'SOURCE_COLUMN',
    () =>
      changeSource('rows', { id: 'id', time: 'at', row: { id: 'user', time: 'at' }, before: wrong('user'), columns }),
  ],
  ['a name with a space', 'NAME_TEXT', () => entity('my user', { user: text() })],
  ['a name that begins with a digit', 'NAME_TEXT', () => eventSource('1st', { id: 'id', time: 'at', columns })],
  ['a name that is no word', 'NAME_TEXT', () => defineProject('__proto__', { events })],
  ['a name of 64 letters', 'NAME_TEXT', () => entity('a'.repeat(64), { user: text() })],
  ['a column name with a hyphen', 'NAME_TEXT', () => entity('user', { 'user-id': text() })],
  [
    'a feature name that is a path',
    'NAME_TEXT',
    () => streamView('v', { ...base, features: () => ({ '../x': count() }) }),
  ],
  [
    'an alias with a dot',
    'NAME_TEXT',
    () => featureService('s', { request: { user: text() }, join: (r) => ({ 'a.b': lookup(view, { user: r.user }) }) }),
  ],
  ['an entity without a key', 'NAMES_NONE', () => entity('user', {})],
  ['a view without aggregates', 'NAMES_NONE', () => streamView('v', { ...base, features: () => ({}) })],
  [
    'a version that is no whole number',
    'VERSION_NUMBER',
    () => streamView('v', { ...base, version: 1.5, features: () => ({ n: count() }) }),
  ],
  ['version 0', 'VERSION_NUMBER', () => eventSource('e', { version: 0, id: 'id', time: 'at', columns })],
  ['a decimal of 16 digits', 'COLUMN_SCALE', () => decimal(16)],
  ['a decimal of half a digit', 'COLUMN_SCALE', () => decimal(0.5)],
  ['an embedding of nothing', 'COLUMN_LENGTH', () => embedding(0)],
  ['an embedding of half a number', 'COLUMN_LENGTH', () => embedding(2.5)],
  ['an embedding beyond 4,096', 'COLUMN_LENGTH', () => embedding(4097)],
  ['a list of embeddings', 'COLUMN_ELEMENT', () => list(wrong(embedding(2)))],
  ['a key of embeddings', 'KEY_TYPE', () => entity('e', { x: embedding(2) })],
  ['a list of lists', 'COLUMN_ELEMENT', () => list(wrong(list(int())))],
  ['a list of what can be null', 'COLUMN_ELEMENT', () => list(wrong(nullable(int())))],
  ['a key of floats', 'KEY_TYPE', () => entity('e', { x: float() })],
  ['a key that can be null', 'KEY_TYPE', () => entity('e', { x: nullable(text()) })],
  ['an id of another type', 'SOURCE_COLUMN', () => eventSource('e', { id: wrong('n'), time: 'at', columns })],
  [
    'an id that can be null',
    'SOURCE_COLUMN',
    () => eventSource('e', { id: wrong('id'), time: 'at', columns: { id: nullable(text()), at: time() } }),
  ],
  [
    'a time that is not declared',
    'SOURCE_COLUMN',
    () => eventSource('e', { id: 'id', time: wrong('toString'), columns }),
  ],
  [
    'a negative window',
    'WINDOW_TEXT',
    () => streamView('v', { ...base, windows: ['-5m'], features: () => ({ n: count() }) }),
  ],
  [
    'a window of nothing',
    'WINDOW_TEXT',
    () => streamView('v', { ...base, windows: ['0m'], features: () => ({ n: count() }) }),
  ],
  [
    'a window beyond all numbers',
    'WINDOW_TEXT',
    () => streamView('v', { ...base, windows: ['999999999999999d'], features: () => ({ n: count() }) }),
  ],
  [
    'a lateness in weeks',
    'WINDOW_TEXT',
    () => eventSource('e', { id: 'id', time: 'at', lateness: wrong('1w'), columns }),
  ],
  [
    'a window too short for a hop',
    'WINDOW_HOP',
    () => streamView('v', { ...base, windows: ['11s'], features: () => ({ n: count() }) }),
  ],
  [
    'a hop longer than its window',
    'WINDOW_HOP_SIZE',
    () => streamView('v', { ...base, hops: { '1h': '2h' }, features: () => ({ n: count() }) }),
  ],
  [
    'hops that do not nest',
    'HOPS_NEST',
    () =>
      streamView('v', {
        ...base,
        windows: ['1h', '2h'],
        hops: { '1h': '2m', '2h': '5m' },
        features: () => ({ n: count() }),
      }),
  ],
  [
    'an aggregate over no windows',
    'WINDOWS_NONE',
    () => streamView('v', { ...base, features: () => ({ n: over([], count()) }) }),
  ],
  [
    'a view over no windows',
    'WINDOWS_NONE',
    () => streamView('v', { ...base, windows: [], features: () => ({ n: count() }) }),
  ],
  [
    'a window named twice',
    'VIEW_FEATURE_TWICE',
    () => streamView('v', { ...base, windows: ['1h', '1h'], features: () => ({ n: count() }) }),
  ],
  [
    'two features of one name',
    'VIEW_FEATURE_TWICE',
    () => streamView('v', { ...base, features: () => ({ n: count(), n_1h: over(['ever'], count()) }) }),
  ],
  [
    'a feature named as the key',
    'VIEW_FEATURE_TWICE',
    () => streamView('v', { ...base, features: () => ({ user: over(['ever'], count()) }) }),
  ],
  [
    'a batch feature named as the key',
    'VIEW_FEATURE_TWICE',
    () => batchView('b', { ...batch, features: { user: int() }, sql: () => sql`SELECT 1` }),
  ],
  [
    'a key column that is not there',
    'VIEW_KEY',
    () => streamView('v', { ...base, key: { user: wrong('usr') }, features: () => ({ n: count() }) }),
  ],
  [
    'a key column of another type',
    'VIEW_KEY',
    () => streamView('v', { ...base, key: { user: wrong('n') }, features: () => ({ n: count() }) }),
  ],
  [
    'a key with a part too many',
    'VIEW_KEY',
    () => streamView('v', { ...base, key: wrong({ user: 'user', n: 'n' }), features: () => ({ n: count() }) }),
  ],
  [
    'a feature that is a column',
    'VIEW_AGGREGATE',
    () => streamView('v', { ...base, features: (e) => ({ n: wrong(e.n) }) }),
  ],
  [
    'the mean of a float',
    'AGGREGATE_INPUT',
    () => streamView('v', { ...base, features: (e) => ({ n: mean(wrong(e.x)) }) }),
  ],
  [
    'a quantile above 1',
    'AGGREGATE_PARAM',
    () => streamView('v', { ...base, features: (e) => ({ n: quantile(e.n, 90) }) }),
  ],
  [
    'a quantile that is no number',
    'AGGREGATE_PARAM',
    () => streamView('v', { ...base, features: (e) => ({ n: quantile(e.n, Number.NaN) }) }),
  ],
  [
    'the last half value',
    'AGGREGATE_PARAM',
    () => streamView('v', { ...base, features: (e) => ({ n: lastN(e.n, 0.5) }) }),
  ],
  ['the top none', 'AGGREGATE_PARAM', () => streamView('v', { ...base, features: (e) => ({ n: topK(e.n, 0) }) })],
  [
    'the days of a number of different values',
    'AGGREGATE_DAYS',
    () => streamView('v', { ...base, features: (e) => ({ n: maxOfDays(distinct(e.n)) }) }),
  ],
  [
    'the days of windows',
    'AGGREGATE_DAYS',
    () => streamView('v', { ...base, features: () => ({ n: maxOfDays(over(['1d'], count()) as never) }) }),
  ],
  [
    'a literal beyond exact numbers',
    'EXPRESSION_LITERAL',
    () => streamView('v', { ...base, features: (e) => ({ n: count(gt(e.n, 2 ** 53)) }) }),
  ],
  ['a literal that is no number', 'EXPRESSION_LITERAL', () => literal(Number.NaN)],
  [
    'a stand-in of half an int',
    'EXPRESSION_LITERAL',
    () =>
      featureService('s', {
        request: { user: text() },
        join: (r) => ({ u: lookup(view, { user: r.user }) }),
        compute: (_, f) => ({ t: orElse(f.u.total_1h, 0.5) }),
      }),
  ],
  [
    'decimals of two scales',
    'EXPRESSION_SCALE',
    () => streamView('v', { ...base, features: (e) => ({ n: sum(add(e.price, e.rate)) }) }),
  ],
  [
    'a product of two decimals',
    'EXPRESSION_PRODUCT',
    () => streamView('v', { ...base, features: (e) => ({ n: sum(multiply(wrong(e.price), e.rate)) }) }),
  ],
  [
    'a decimal multiplied by a broken number',
    'EXPRESSION_LITERAL',
    () => streamView('v', { ...base, features: (e) => ({ n: sum(multiply(e.price, 1.5)) }) }),
  ],
  [
    'a share of lost keys above 1',
    'VIEW_SHARE',
    () => batchView('b', { ...batch, mayLose: 1.5, sql: () => sql`SELECT 1` }),
  ],
  [
    'a schedule of four fields',
    'SCHEDULE_TEXT',
    () => batchView('b', { ...batch, schedule: '3 * * *', sql: () => sql`SELECT 1` }),
  ],
  [
    'a source read as asOf',
    'NAME_TWICE',
    () => batchView('b', { ...batch, reads: { asOf: events }, sql: () => sql`SELECT 1` }),
  ],
  [
    'an audit schedule of four fields',
    'SCHEDULE_TEXT',
    () =>
      featureService('s', {
        request: { user: text() },
        skew: { schedule: '3 * * *', atMost: 0 },
        join: (r) => ({ u: lookup(view, { user: r.user }) }),
      }),
  ],
  [
    'a lookup by a feature',
    'SERVICE_KEY',
    () =>
      featureService('s', {
        request: { user: text() },
        join: () => ({ u: lookup(view, wrong({ user: { expression: { kind: 'feature' } } })) }),
      }),
  ],
  [
    'a lookup without its key',
    'SERVICE_KEY',
    () => featureService('s', { request: { user: text() }, join: () => ({ u: lookup(view, wrong({})) }) }),
  ],
  [
    'a lookup of a feature that is not there',
    'SERVICE_FEATURE',
    () =>
      featureService('s', {
        request: { user: text() },
        join: (r) => ({ u: lookup(view, { user: r.user }, [wrong('n_2h')]) }),
      }),
  ],
  ['an input that is not bound', 'SERVICE_INPUT', () => apply(ratio, wrong({}))],
  [
    'two features of one flat name',
    'SERVICE_FEATURE_TWICE',
    () =>
      featureService('s', {
        request: { user: text() },
        join: (r) => ({ u: lookup(view, { user: r.user }, ['n_1h']) }),
        compute: (r) => ({ u_n_1h: r.user }),
      }),
  ],
  [
    'a share of differing values above one',
    'SERVICE_SKEW',
    () =>
      featureService('s', {
        request: { user: text() },
        skew: { schedule: '0 3 * * *', atMost: 1.5 },
        join: (r) => ({ u: lookup(view, { user: r.user }) }),
      }),
  ],
  ['a task that there is not', 'MODEL_TASK', () => model('m', { ...learned, task: wrong('multiclass') })],
  [
    'a task that an object has by inheritance',
    'MODEL_TASK',
    () => model('m', { ...learned, task: wrong('constructor') }),
  ],
  [
    'a regression on a label that is true or false',
    'MODEL_TASK',
    () => model('m', { ...learned, task: wrong('regression') }),
  ],
  [
    'a label of another type where none came',
    'MODEL_TASK',
    () => model('m', { ...learned, label: { ...learned.label, otherwise: wrong(0.5) } }),
  ],
  ['a quantile of a binary model', 'MODEL_QUANTILE', () => model('m', { ...learned, quantile: wrong(0.5) })],
  [
    'a quantile that is none',
    'MODEL_QUANTILE',
    () =>
      model('m', {
        ...learned,
        task: 'regression',
        quantile: 1,
        label: { from: events, id: 'id', value: (e) => e.n, within: '1d' },
      }),
  ],
  [
    'a spine without a request column',
    'MODEL_SPINE',
    () =>
      model('m', {
        ...learned,
        spine: wrong({
          from: eventSource('s', { id: 'id', time: 'at', columns: { id: text(), at: time() } }),
          id: 'id',
        }),
      }),
  ],
  [
    'a spine whose decimal has another scale than the request',
    'MODEL_SPINE',
    () => {
      const ofScale = (scale: number) => ({ user: text(), price: decimal(scale) });
      const asks = eventSource('asks', { id: 'id', time: 'at', columns: { id: text(), at: time(), ...ofScale(2) } });
      const priced = featureService('priced', {
        request: ofScale(4),
        join: (r) => ({ u: lookup(view, { user: r.user }) }),
      });
      return model('m', { ...learned, service: priced, spine: { from: asks, id: 'id' } });
    },
  ],
  [
    'a model whose service has texts and lists alone',
    'MODEL_INPUT',
    () => {
      const asks = eventSource('asks', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text() } });
      const texts = featureService('texts', {
        request: { user: text() },
        join: (r) => ({ u: lookup(view, { user: r.user }, []) }),
        compute: (r) => ({ user: r.user }),
      });
      return model('m', { ...learned, service: texts, spine: { from: asks, id: 'id' } });
    },
  ],
  [
    'a label that is a decimal',
    'MODEL_LABEL',
    () => {
      const paid = eventSource('paid', {
        id: 'id',
        time: 'at',
        columns: { id: text(), at: time(), asked: text(), amount: decimal(2) },
      });
      return model('m', {
        ...learned,
        label: { from: paid, id: 'asked', value: (e) => wrong(e.amount), within: '1h' },
      });
    },
  ],
  [
    'a prediction id that is a number',
    'MODEL_COLUMN',
    () => model('m', { ...learned, spine: { from: spine, id: wrong('n') } }),
  ],
  [
    'a label id that is not there',
    'MODEL_COLUMN',
    () => model('m', { ...learned, label: { ...learned.label, id: wrong('request') } }),
  ],
  [
    'a training option that is no JSON',
    'MODEL_OPTION',
    () => model('m', { ...learned, train: { with: { kind: 'logisticRegression', seed: 1n } } }),
  ],
  [
    'a monitor that is a function',
    'MODEL_OPTION',
    () => model('m', { ...learned, monitors: [{ kind: 'featureDrift', rule: wrong(() => true) }] }),
  ],
  ...[
    [{ kind: 'mine' }, 'a monitor of a kind that is not built'],
    [{ kind: 'featureDrift', rule: 'psi<0.2' }, 'a rule with the wrong sign'],
    [{ kind: 'featureDrift', features: ['nothing'] }, 'a monitored feature that is not there'],
    [{ kind: 'featureDrift', metric: 'brier' }, 'an option of another monitor'],
    [{ kind: 'conceptDrift', metric: 'mae' }, 'a metric that does not fit the task'],
    [{ kind: 'featureDrift', slices: [service.features[0]?.name] }, 'slices, which losses alone have'],
    [{ kind: 'predictionDrift', on: 'classes' }, 'a fact of scores that no monitor compares'],
    [{ kind: 'featureDrift', rule: 'psi>0' }, 'an index that every window exceeds'],
    [{ kind: 'featureDrift', rule: 'psi>0.2.1' }, 'a rule without a number'],
    [{ kind: 'predictionDrift', rule: 'ks<5' }, 'a p-value above 1'],
    [{ kind: 'predictionDrift', k: 4, of: 3 }, 'more windows than there are'],
    [{ kind: 'predictionDrift', window: '0h' }, 'a window that is no duration'],
  ].map(([monitor, mistake]): readonly [string, string, () => unknown] => [
    String(mistake),
    'MODEL_MONITOR',
    () => model('m', { ...learned, monitors: [wrong(monitor)] }),
  ]),
  [
    'a playbook that holds itself',
    'MODEL_OPTION',
    () => {
      const playbook: Record<string, unknown> = { schedule: { every: '30d' } };
      playbook['again'] = [playbook];
      return model('m', { ...learned, playbook: wrong(playbook) });
    },
  ],
  ...[
    [{ mode: 'auto' }, 'a mode that is none'],
    [{ retrain: { onDrift: true } }, 'an option that is not built'],
    [{ retrain: { cooldown: '1 day' } }, 'a cooldown that is no duration'],
    [{ retrain: { schedule: 'monthly' } }, 'a schedule without five fields'],
    [{ quality: { defaults: { nothing: 0 } } }, 'a default of a feature that is not there'],
    [{ approval: { before: ['rollback'] } }, 'an approval of a step that never waits'],
    [{ hours: { from: '17:00', to: '09:00' } }, 'hours that end before they begin'],
    [{ gate: { alpha: 0.5 } }, 'a gate that passes anything'],
    [{ shadow: { labels: 1 } }, 'a shadow that one label decides'],
  ].map(([playbook, mistake]): readonly [string, string, () => unknown] => [
    String(mistake),
    'MODEL_PLAYBOOK',
    () => model('m', { ...learned, playbook: wrong(playbook) }),
  ]),
  [
    'a proxy that comes as late as the label',
    'MODEL_PROXY',
    () => {
      const late = proxy({ from: events, id: 'id', value: (e) => e.n, within: '365d' });
      return model('m', { ...learned, proxies: { late } });
    },
  ],
  [
    'two sources of one name',
    'NAME_TWICE',
    () => defineProject('p', { events, other: eventSource('events', { id: 'id', time: 'at', columns }) }),
  ],
  [
    'two views of one name and version',
    'NAME_TWICE',
    () => defineProject('p', { view, other: batchView('view', { ...batch, sql: () => sql`SELECT 1` }) }),
  ],
  ['a share of rejected rows above 1', 'INFERENCE_SHARE', () => batchInference('b', { ...scored, mostErrors: 1.5 })],
  [
    'a key of another type than the request has',
    'INFERENCE_KEY',
    () => batchInference('b', { ...scored, entity: entity('numbered', { user: int() }) }),
  ],
  [
    'two entities of one name',
    'NAME_TWICE',
    () =>
      defineProject('p', {
        view,
        other: batchView('b', { ...batch, entity: entity('user', { user: text() }), sql: () => sql`SELECT 1` }),
      }),
  ],
];

for (const [mistake, code, declare] of refusals) {
  test(`${mistake} is refused as ${code}`, () => {
    let error: unknown;
    try {
      declare();
    } catch (thrown) {
      error = thrown;
    }
    expect(isHeadraceError(error) ? error.code : error).toBe(code);
    expect(String(error)).not.toMatch(/[{}]|undefined(?!")/);
  });
}

test('every refusal of a declaration is tried here', () => {
  const tried = new Set(refusals.map(([, code]) => code));
  expect(Object.keys(declarationErrors).filter((code) => !tried.has(code))).toEqual([]);
});

test('a project may have two versions of a view', () => {
  const second = streamView('view', { ...base, version: 2, features: () => ({ n: count() }) });
  expect(defineProject('p', { view, second }).views.map(({ version }) => version)).toEqual([1, 2]);
});

test('a window needs to be no whole multiple of its hop', () => {
  const odd = streamView('v', { ...base, windows: ['61m'], features: () => ({ n: count() }) });
  expect(odd.features).toMatchObject([{ name: 'n_61m', windowMs: 3_660_000, hopMs: 300_000 }]);
});
