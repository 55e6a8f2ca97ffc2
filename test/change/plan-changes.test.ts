import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../../src/base/canonical-json.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { formatDuration, parseDuration } from '../../src/base/time.ts';
import { partId } from '../../src/features/change/change.ts';
import {
  declarationDocument,
  declarationJson,
  parseDeclaration,
} from '../../src/features/change/declaration-document.ts';
import { checkPlan, planChanges } from '../../src/features/change/plan-changes.ts';
import { planText } from '../../src/features/change/plan-text.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { tileIdentity } from '../../src/features/tile/tile-identity.ts';
import { type ShopOptions, shop } from './shop.ts';

const inPlace = declarationDocument(shop());

/** The changes from the shop as it is to one with these options, one text each. */
function changes(after: ShopOptions, before: ShopOptions = {}): readonly string[] {
  const plan = planChanges(declarationDocument(shop(before)), declarationDocument(shop(after)));
  return plan.changes.map((change) => {
    const of = `${change.kind} ${partId(change.part)}`;
    if ('features' in change) return `${of} ${change.features.join(' ')}`;
    if ('fields' in change) return `${of} ${change.fields.map(({ field }) => field).join(' ')}`;
    return of;
  });
}

test('the first declaration adds all that it reaches', () => {
  const plan = planChanges(null, inPlace);
  expect(plan.before).toBeNull();
  expect(plan.changes.map(({ kind, part }) => `${kind} ${partId(part)}`)).toEqual([
    'add source purchases@1',
    'add source requests@1',
    'add view habits@1',
    'add view ratio@1',
    'add view spend@1',
    'add service ranking@1',
    'add model bought',
  ]);
});

test('the same declaration again changes nothing', () => {
  expect(changes({})).toEqual([]);
});

test('a source keeps columns, id, time and lateness under one version; units and future skew may change', () => {
  expect(changes({ scale: 3 })[0]).toBe('refuseMeaning source purchases@1 columns.price');
  expect(changes({ lateness: '2h' })).toEqual(['refuseMeaning source purchases@1 latenessMs']);
  expect(changes({ futureSkew: '5m' })).toEqual(['changeSettings source purchases@1 futureSkewMs']);
  expect(changes({ unit: 'USD' })).toEqual(['changeSettings source purchases@1 units.price']);
});

test('a new aggregate comes under the same version, and tiles are filled again', () => {
  expect(changes({ meanPrice: true })).toEqual([
    'addFeatures view spend@1 mean_price_1h mean_price_30d',
    'refillTiles view spend@1 aggregates',
  ]);
  expect(changes({ withoutBig: true })).toEqual([
    'removeFeatures view spend@1 big_1h big_30d',
    'refillTiles view spend@1 aggregates',
  ]);
});

test('tiles are in the order of the aggregates: another order fills them again, and means the same', () => {
  expect(changes({ reordered: true })).toEqual(['refillTiles view spend@1 aggregates']);
});

test('a window may come and go; tiles are computed again where other ones, or for another time, are to be kept', () => {
  expect(changes({ windows: ['1h', '2h', '30d'] })).toEqual(['addFeatures view spend@1 big_2h spent_2h']);
  expect(changes({ windows: ['1h'] })).toEqual(['removeFeatures view spend@1 big_30d spent_30d']);
  expect(changes({ windows: ['1h', '30d', '12h'] })).toEqual([
    'addFeatures view spend@1 big_12h spent_12h',
    'refillTiles view spend@1 keptMs.3600000',
  ]);
  expect(changes({ windows: ['1h', '12h', '30h'] }, { windows: ['1h', '12h'] })).toEqual([
    'addFeatures view spend@1 big_30h spent_30h',
    'refillTiles view spend@1 keptMs.3600000',
  ]);
  expect(changes({ windows: ['1h', '12h'] }, { windows: ['1h', '12h', '30h'] })).toEqual([
    'removeFeatures view spend@1 big_30h spent_30h',
    'refillTiles view spend@1 keptMs.3600000',
  ]);
});

test('a feature keeps its meaning under one version: aggregate, input, hop, and the events that count', () => {
  expect(changes({ big: 50 })).toEqual(['refuseMeaning view spend@1 big_1h.is big_30d.is']);
  expect(changes({ hop: '1m' })).toEqual(['refuseMeaning view spend@1 big_1h.hopMs spent_1h.hopMs']);
  expect(changes({ ttl: '90d' })).toEqual(['refuseMeaning view spend@1 ttlMs']);
  expect(changes({ freshness: '5s' })).toEqual(['changeSettings view spend@1 freshnessMs']);
});

test('a new version of a view stands next to no old one, and a service that reads it needs a new version too', () => {
  expect(changes({ spendVersion: 2 })).toEqual([
    'add view spend@2',
    'refuseMeaning service ranking@1 features.user_spent_1h.is',
    'remove view spend@1',
  ]);
  expect(changes({ spendVersion: 2, serviceVersion: 2 })).toEqual([
    'add view spend@2',
    'add service ranking@2',
    'changeSettings model bought service',
    'remove view spend@1',
    'remove service ranking@1',
  ]);
});

test('versions only grow', () => {
  expect(changes({ serviceVersion: 1 }, { serviceVersion: 3 })).toEqual([
    'refuseVersion service ranking@1',
    'changeSettings model bought service',
    'remove service ranking@3',
  ]);
});

test('a batch view keeps its SQL under one version, however it is laid out', () => {
  expect(changes({ sqlText: 'SELECT 1' })).toEqual(['refuseMeaning view habits@1 sql']);
  expect(changes({ schedule: '0 4 * * *' })).toEqual(['changeSettings view habits@1 schedule']);
});

test('another text of a function is a warning and leaves the hash as it is', () => {
  const plan = planChanges(inPlace, declarationDocument(shop({ compute: ({ price }) => ({ ratio: price }) })));
  expect(plan.changes.map(({ kind, part }) => `${kind} ${partId(part)}`)).toEqual(['changeCode view ratio@1']);
  expect(plan.after).toBe(plan.before);
  expect(plan.refused).toBe(false);
});

test('a service keeps its vector under one version', () => {
  expect(changes({ picked: ['spent_1h', 'big_1h'] })).toEqual(['refuseMeaning service ranking@1 features.user_big_1h']);
  expect(changes({ picked: ['spent_1h', 'big_1h'], serviceVersion: 2 })).toEqual([
    'add service ranking@2',
    'changeSettings model bought service',
    'remove service ranking@1',
  ]);
});

test('another order of what is written in order is another meaning', () => {
  expect(changes({ picked: ['big_1h', 'spent_1h'] }, { picked: ['spent_1h', 'big_1h'] })).toEqual([
    'refuseMeaning service ranking@1 featureOrder',
  ]);
});

test('a model may change: each training makes its own version', () => {
  expect(changes({ labelAbove: 1 })).toEqual(['changeSettings model bought label']);
  expect(changes({ withoutModel: true })).toEqual(['remove source requests@1', 'remove model bought']);
});

test('only what is refused stops a plan', () => {
  const plan = (options: ShopOptions) => planChanges(inPlace, declarationDocument(shop(options)));
  expect(plan({ big: 50 }).refused).toBe(true);
  expect(() => checkPlan(plan({ big: 50 }))).toThrow('"shop" changes the meaning of "view spend@1"');
  expect(plan({ meanPrice: true, withoutModel: true }).refused).toBe(false);
  checkPlan(plan({ meanPrice: true, withoutModel: true }));
});

test('the declaration of another project is refused', () => {
  const other = declarationDocument(defineProject('store', shop().parts));
  expect(() => planChanges(other, inPlace)).toThrow(
    expect.toSatisfy((error) => isHeadraceError(error, 'DECLARATION_PROJECT')),
  );
});

test('the plan reads as one line per change', () => {
  const text = (after: ShopOptions) => planText(planChanges(inPlace, declarationDocument(shop(after))));
  const lines = text({ meanPrice: true, freshness: '5s', compute: () => ({ ratio: null }), labelAbove: 2 }).split('\n');
  expect(lines.slice(1)).toEqual([
    '  ? view ratio@1: the text of compute has changed; if its answers have too, give it a new version',
    '  + view spend@1: mean_price_1h, mean_price_30d',
    '  ~ view spend@1: its tiles are recomputed from the history',
    '  ~ view spend@1: freshness was 1s, is 5s',
    '  ~ model bought: label was gt(e.price, 0) of purchases@1.request, is gt(e.price, 200) of purchases@1.request',
    '5 changes',
    '',
  ]);
  expect(
    text({ big: 50, windows: ['1h'] })
      .split('\n')
      .slice(1),
  ).toEqual([
    '  ! view spend@1: big_1h.is was count(gt(e.price, 10000): bool), is count(gt(e.price, 5000): bool)',
    '    hint: give it version 2',
    'refused: a new meaning needs a new version',
    '',
  ]);
  expect(text({ spendVersion: 2, serviceVersion: 2 })).toContain(
    '+ view spend@2: filled from the history and verified on a sample, next to the present tiles\n',
  );
  expect(planText(planChanges(null, inPlace))).toContain('+ view spend@1\n');
  expect(text({})).toMatch(/^shop: the declaration in place is [0-9a-f]{12}, the same\nnothing changes\n$/);
});

test('the plan prints every duration as a declaration writes it, at every depth', () => {
  const numbersOf = (value: Json, name = ''): readonly number[] => {
    if (typeof value === 'number') return name.endsWith('Ms') ? [value] : [];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([member, each]: [string, Json]) =>
      numbersOf(each, Array.isArray(value) ? name : member),
    );
  };
  let seen = 0;
  for (const part of inPlace.parts) {
    const nested = { all: { meaning: part.meaning, features: part.features, settings: part.settings } };
    for (const fields of [part.meaning, part.settings, ...Object.values(part.features), nested]) {
      if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) continue;
      for (const [field, value] of Object.entries(fields) as [string, Json][])
        for (const change of [
          { field, before: undefined, after: value },
          { field, before: value, after: undefined },
          { field, before: value, after: value },
        ]) {
          const text = planText({
            project: 'shop',
            before: 'a',
            after: 'b',
            refused: false,
            changes: [{ kind: 'changeSettings', part, fields: [change] }],
          });
          expect(text).not.toMatch(/Ms\b/);
          // A long value is cut.
          if (text.includes('…')) continue;
          for (const ms of numbersOf(value, field)) {
            seen += 1;
            expect(text).toContain(formatDuration(ms));
          }
        }
    }
  }
  expect(seen).toBeGreaterThan(20);
});

test('a duration is printed as the text that is read as it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_999_999_999_999 }), (ms) => {
      expect(parseDuration(formatDuration(ms), '')).toBe(ms);
    }),
  );
  expect([1_500, 60_000, 129_600_000, 7_776_000_000].map(formatDuration)).toEqual(['1500ms', '1m', '36h', '90d']);
});

test('tiles have another identity exactly where a plan computes them again', () => {
  const identity = (options: ShopOptions) => {
    const view = shop(options).views.find(({ kind }) => kind === 'streamView');
    return view?.kind === 'streamView' ? tileIdentity(view) : '';
  };
  const options: readonly ShopOptions[] = [
    { meanPrice: true },
    { withoutBig: true },
    { reordered: true },
    { windows: ['1h', '2h', '30d'] },
    { windows: ['1h', '12h', '30d'] },
    { windows: ['1h'] },
    { freshness: '5s' },
    { unit: 'USD' },
    { futureSkew: '5m' },
  ];
  for (const after of options) {
    const refilled = changes(after).some((change) => change.startsWith('refillTiles'));
    expect(identity(after) !== identity({}), JSON.stringify(after)).toBe(refilled);
  }
});

const anyShop: fc.Arbitrary<ShopOptions> = fc.record(
  {
    scale: fc.constantFrom(2, 3),
    lateness: fc.constantFrom('1h', '2h'),
    futureSkew: fc.constantFrom('1m', '5m'),
    unit: fc.constantFrom('EUR', 'USD'),
    spendVersion: fc.constantFrom(1, 2),
    windows: fc.subarray(['1h', '2h', '12h', '30h', '30d'], { minLength: 1 }).map((rest) => ['1h', ...rest.slice(1)]),
    hop: fc.constant('1m'),
    ttl: fc.constant('90d'),
    freshness: fc.constantFrom('1s', '5s'),
    big: fc.constantFrom(50, 100),
    meanPrice: fc.boolean(),
    withoutBig: fc.boolean(),
    reordered: fc.boolean(),
    schedule: fc.constantFrom('0 3 * * *', '0 4 * * *'),
    serviceVersion: fc.constantFrom(1, 2),
    labelAbove: fc.constantFrom(0, 1),
    withoutModel: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<ShopOptions>;

test('a plan has changes exactly where the hashes differ, and reads the same from kept declarations', () => {
  fc.assert(
    fc.property(anyShop, anyShop, (one, other) => {
      const [before, after] = [shop(one), shop(other)];
      const plan = planChanges(declarationDocument(before), declarationDocument(after));
      expect(plan.changes.length === 0).toBe(plan.before === plan.after);
      const kept = planChanges(
        parseDeclaration(declarationJson(declarationDocument(before))),
        declarationDocument(after),
      );
      expect(planText(kept)).toBe(planText(plan));
    }),
  );
});

test('options of a model that are the user’s own are shown as they are written', () => {
  const [part] = inPlace.parts;
  const shown = (field: string, before: Json, after: Json) =>
    planText({
      project: 'shop',
      before: 'a',
      after: 'b',
      refused: false,
      changes: [{ kind: 'changeSettings', part, fields: [{ field, before, after }] }],
    });
  expect(shown('trainWith.warmupMs', 500, 1_000)).toContain('trainWith.warmupMs was 500, is 1000');
  const monitors = (stepMs: number) => [{ stepMs, step: 5 }];
  expect(shown('monitors', monitors(1), monitors(2))).toContain('"stepMs":2');
});
