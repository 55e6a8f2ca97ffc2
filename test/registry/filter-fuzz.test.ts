import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { QueryClause } from '../../src/ports/registry-query.ts';
import { filterTargets } from '../../src/registry/filter/filter-target.ts';
import { parseFilter } from '../../src/registry/filter/parse-filter.ts';
import { parseOrders } from '../../src/registry/filter/parse-order.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';

/** Filters in npm test; `HEADRACE_FUZZ=1000000` by hand. */
const FILTERS = Number(process.env['HEADRACE_FUZZ'] ?? 20_000);

/** Of these, filters of runs that a database answers too. */
const ASKED = 300;

const PIECES = [
  ...[
    'metrics.',
    'metric.',
    'params.',
    'param.',
    'tags.',
    'tag.',
    'attributes.',
    'attribute.',
    'datasets.',
    'dataset.',
  ],
  ...['auc', '`a b`', '"x y"', 'mlflow.runName', 'run_id', 'status', 'start_time', 'name', 'digest', 'version_number'],
  ...['=', '!=', '>', '>=', '<', '<=', 'LIKE', 'ILIKE', 'IN', 'NOT IN', 'IS NULL', 'IS NOT NULL', 'like', 'in'],
  ...[
    "'text'",
    "'%a_'",
    "''",
    "'it''s'",
    '1',
    '-1.5e3',
    'NaN',
    'Infinity',
    '1e999',
    '9007199254740993',
    "('a', 'b')",
    '()',
  ],
  ...[
    ' AND ',
    ' and ',
    ' OR ',
    ' ',
    '',
    '(',
    ')',
    ',',
    ';',
    "'",
    '"',
    '`',
    '\\',
    '\0',
    '\n',
    '--',
    '/*',
    '模型',
    '%',
    '?',
    '$1',
  ],
];

/** Numbers from 0 to below `of`, the same in each run: Marsaglia's xorshift32. */
function draws(seed: number): (of: number) => number {
  let state = seed;
  return (of) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % of;
  };
}

const WHOLE = [
  ...[
    "params.lr = '0.1'",
    "tags.`a b` ILIKE '%x_'",
    "tag.team != 'ml'",
    "attributes.name LIKE 'm%'",
    'metrics.auc > 0.5',
  ],
  ...[
    "name = 'm'",
    "run_id IN ('a', 'b')",
    'start_time >= 5',
    "status = 'FINISHED'",
    "datasets.name = 'd'",
    'metrics."x y" <= -1e3',
  ],
];

/** A filter: a few clauses, of which half of the filters lose, gain or change pieces. */
function filterOf(draw: (of: number) => number): string {
  const pick = () => PIECES[draw(PIECES.length)];
  const free = () => `${PIECES[draw(10)]}${PIECES[10 + draw(10)]} ${PIECES[20 + draw(14)]} ${PIECES[34 + draw(12)]}`;
  const clause = () => (draw(4) === 0 ? free() : WHOLE[draw(WHOLE.length)]);
  let text = Array.from({ length: 1 + draw(3) }, clause).join(' AND ');
  for (let i = Math.max(0, draw(6) - 2); i > 0; i -= 1) {
    const at = draw(text.length + 1);
    text = text.slice(0, at) + pick() + text.slice(at + draw(4));
  }
  return text;
}

// A million takes minutes.
test('a filter is read or refused by REGISTRY_FILTER, and a database answers what is read', {
  timeout: 120_000 + FILTERS,
}, async () => {
  const draw = draws(0x5eed);
  const targets = Object.values(filterTargets);
  const seen = { read: 0, refused: 0 };
  const asked: (readonly QueryClause[])[] = [];
  for (let i = 0; i < FILTERS; i += 1) {
    const filter = filterOf(draw);
    const target = targets[draw(targets.length)];
    try {
      const clauses = parseFilter(target, filter);
      if (draw(8) === 0) parseOrders(target, [filter]);
      seen.read += 1;
      if (target === filterTargets.runs && asked.length < ASKED) asked.push(clauses);
    } catch (error) {
      if (!isHeadraceError(error, 'REGISTRY_FILTER'))
        throw new Error(`the filter ${JSON.stringify(filter)}`, { cause: error });
      seen.refused += 1;
    }
  }
  expect(seen.read + seen.refused).toBe(FILTERS);
  expect(seen.read).toBeGreaterThan(FILTERS / 50);
  expect(seen.refused).toBeGreaterThan(FILTERS / 50);
  const registry = openSqliteRegistry(':memory:');
  for (const filter of asked)
    expect(
      (await registry.searchRuns({ filter, order: [], offset: 0, limit: 5, view: 'active', experiments: ['0'] })).rows,
    ).toEqual([]);
  await registry.close();
});
