import { expect, test } from 'vitest';
import project, { departure } from '../../examples/flights/declaration.ts';
import { compile, root } from './compile.ts';
import { everyAggregate, everyBatch, everyExpression, everything } from './every-aggregate.ts';

const flights = `${root}/examples/flights/declaration.ts`;
const every = `${root}/test/define/every-aggregate.ts`;

/** A file that compiles only if the type is exactly that of the value: each name with its tag, none more. */
function sameTags(path: string, type: string, tags: Readonly<Record<string, string>>): string {
  const members = Object.entries(tags).map(([name, tag]) => `readonly ${name}: '${tag}'`);
  return `import type * as d from '${path}';
    type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
    type Plain<T> = { readonly [K in keyof T]: T[K] };
    export const same: Same<Plain<${type}>, { ${members.join('; ')} }> = true;
  `;
}

test('types say the names and tags of run time, none missing and none too many', () => {
  const { outputs, inputs } = departure;
  const { origin_flights_15m: _, ...missing } = outputs;
  const { errors } = compile({
    'features.ts': sameTags(flights, 'typeof d.departure.outputs', outputs),
    'request.ts': sameTags(flights, 'typeof d.departure.inputs', inputs),
    'source.ts': sameTags(every, 'typeof d.everything.outputs', everything.outputs),
    'aggregates.ts': sameTags(every, 'typeof d.everyAggregate.outputs', everyAggregate.outputs),
    'expressions.ts': sameTags(every, 'typeof d.everyExpression.outputs', everyExpression.outputs),
    'batch.ts': sameTags(every, 'typeof d.everyBatch.outputs', everyBatch.outputs),
    'missing.ts': sameTags(flights, 'typeof d.departure.outputs', missing),
    'more.ts': sameTags(flights, 'typeof d.departure.outputs', { ...outputs, origin_flights_2h: 'int' }),
    'other.ts': sameTags(flights, 'typeof d.departure.outputs', { ...outputs, clock_hour: 'int?' }),
  });
  expect(Object.fromEntries(errors)).toEqual({
    'missing.ts': [expect.stringContaining("'true' is not assignable to type 'false'")],
    'more.ts': [expect.stringContaining("'true' is not assignable to type 'false'")],
    'other.ts': [expect.stringContaining("'true' is not assignable to type 'false'")],
  });
});

test('a service has the features of its lookups and of what it computes', () => {
  expect(departure.features).toHaveLength(3 * 12 + 3 + 1 + 2);
  expect(departure.features.map(({ name }) => name)).toEqual(Object.keys(departure.outputs));
  expect(Object.keys(project.parts)).toEqual(['schedule', 'departures', 'departure', 'lateDeparture']);
});

test('a project is frozen all the way down, and JSON but for compute', () => {
  const functions: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value === 'function') functions.push(path);
    if (typeof value !== 'object' || value === null) return;
    if (!Object.isFrozen(value)) throw new Error(`${path} is not frozen`);
    for (const [name, member] of Object.entries(value)) walk(member, `${path}.${name}`);
  };
  const views = [everyAggregate, everyExpression, everyBatch, ...project.views];
  walk(project, 'project');
  for (const view of views) walk(view, view.name);
  expect(new Set(functions.map((path) => path.split('.').at(-1)))).toEqual(new Set(['compute']));
  for (const view of views) {
    const { compute: _, ...data } = { compute: null, ...view };
    expect(JSON.parse(JSON.stringify(data))).toEqual(data);
  }
});

test('the compiler works out at most three times as many types for 500 features as for 10', () => {
  const few = compile({ 'declared.ts': features(1, 2) });
  const many = compile({ 'declared.ts': features(10, 10) });
  for (const { errors } of [few, many]) {
    expect(errors.get('declared.ts')).toEqual([expect.stringContaining("Did you mean 'view0_count0_15m'")]);
  }
  expect(many.instantiations).toBeLessThan(3 * few.instantiations);
});

/** A service over views of aggregates over five windows each, and one mistake in a name. */
function features(views: number, aggregates: number): string {
  const range = (length: number) => Array.from({ length }, (_, i) => i);
  const view = (v: number) => `const view${v} = h.streamView('view${v}', {
    source: events, entity: user, key: { user: 'user' }, windows: ['15m', '1h', '1d', '7d', '30d'], freshness: '1s',
    features: (e) => ({ ${range(aggregates / 2)
      .map((a) => `count${a}: h.count(h.gt(e.n, ${a})), mean${a}: h.mean(e.n)`)
      .join(', ')} }),
  });`;
  return `import * as h from 'headrace';
    const user = h.entity('user', { user: h.text() });
    const events = h.eventSource('events', { id: 'id', time: 'at',
      columns: { id: h.text(), at: h.time(), user: h.text(), n: h.int() } });
    ${range(views).map(view).join('\n')}
    const service = h.featureService('service', { request: { user: h.text() }, join: (r) => ({
      ${range(views)
        .map((v) => `view${v}: h.lookup(view${v}, { user: r.user })`)
        .join(', ')} }) });
    export const right = (v: h.FeatureValues<typeof service>): number => v.view0_count0_15m;
    export const wrong = (v: h.FeatureValues<typeof service>) => v.view0_count0_15n;
  `;
}
