import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Columns } from '../../src/schema/column.ts';
import { parseDecimal, scaledFromNumber, scaledFromText, scaledToText } from '../../src/schema/decimal.ts';
import { ExactNumber, parseJsonExact } from '../../src/schema/json-exact.ts';
import { parseEventText, requestParser, rowParser } from '../../src/schema/row-parser.ts';
import { valueToJson } from '../../src/schema/value-json.ts';

const columns: Columns = {
  id: { type: 'text', nullable: false },
  at: { type: 'time', nullable: false },
  user: { type: 'text', nullable: true },
  count: { type: 'int', nullable: false },
  big: { type: 'int64', nullable: false },
  price: { type: 'decimal', scale: 2, nullable: false },
  weight: { type: 'float', nullable: false },
  ok: { type: 'bool', nullable: false },
  tags: { type: 'list', element: 'text', nullable: true },
};
const source = { name: 'purchases', columns, id: 'id', time: 'at' };
const parse = rowParser(source);
const event = {
  id: 'e1',
  at: 1_700_000_000_000,
  user: 'u',
  count: 3,
  big: 5,
  price: 9.99,
  weight: 0.5,
  ok: true,
  tags: ['a'],
};

test('an event becomes a row in declared order', () => {
  expect(parse(event)).toEqual(['e1', 1_700_000_000_000, 'u', 3, 5n, 999n, 0.5, true, ['a']]);
  expect(parse({ ...event, user: null, tags: undefined })).toEqual([
    'e1',
    1_700_000_000_000,
    null,
    3,
    5n,
    999n,
    0.5,
    true,
    null,
  ]);
});

test('an absent nullable column is null', () => {
  const { user: _, tags: __, ...rest } = event;
  expect(parse(rest)).toEqual(['e1', 1_700_000_000_000, null, 3, 5n, 999n, 0.5, true, null]);
});

test.each([
  ['text', '[]', 'EVENT_SHAPE'],
  ['null', 'null', 'EVENT_SHAPE'],
  ['a number', '7', 'EVENT_SHAPE'],
])('%s is no event', (_, json, code) => {
  expect(() => parse(JSON.parse(json))).toThrow(expect.objectContaining({ code }));
});

test.each([
  ['id', undefined, 'EVENT_MISSING'],
  ['count', null, 'EVENT_TYPE'],
  ['id', '', 'EVENT_ID'],
  ['id', 'a b', 'EVENT_ID'],
  ['id', 'x'.repeat(37), 'EVENT_ID'],
  ['id', 'é', 'EVENT_ID'],
  ['id', 7, 'EVENT_ID'],
  ['at', 1.5, 'EVENT_TIME'],
  ['at', '2024-01-01', 'EVENT_TIME'],
  ['at', 9e14, 'EVENT_TIME'],
  ['at', -1e14 - 1, 'EVENT_TIME'],
  ['at', '1700000000000', 'EVENT_TIME'],
  ['at', Number.NaN, 'EVENT_TIME'],
  ['user', 7, 'EVENT_TYPE'],
  ['user', '\ud800', 'EVENT_TYPE'],
  ['count', 1.5, 'EVENT_TYPE'],
  ['count', 2 ** 53, 'EVENT_TYPE'],
  ['count', '3', 'EVENT_TYPE'],
  ['count', Number.NaN, 'EVENT_TYPE'],
  ['big', 2n ** 63n, 'EVENT_TYPE'],
  ['big', '9223372036854775808', 'EVENT_TYPE'],
  ['big', '1.0', 'EVENT_TYPE'],
  ['big', 2 ** 60, 'EVENT_TYPE'],
  ['price', 1.234, 'EVENT_TYPE'],
  ['price', '92233720368547758.08', 'EVENT_TYPE'],
  ['price', Number.POSITIVE_INFINITY, 'EVENT_TYPE'],
  ['price', 'x', 'EVENT_TYPE'],
  ['weight', Number.NaN, 'EVENT_TYPE'],
  ['weight', Number.NEGATIVE_INFINITY, 'EVENT_TYPE'],
  ['weight', '1', 'EVENT_TYPE'],
  ['ok', 1, 'EVENT_TYPE'],
  ['tags', 'a', 'EVENT_TYPE'],
  ['tags', ['a', null], 'EVENT_TYPE'],
  ['tags', [['a']], 'EVENT_TYPE'],
  ['tags', [1], 'EVENT_TYPE'],
  ['extra', 1, 'EVENT_UNKNOWN_COLUMN'],
  ['__proto__x', 1, 'EVENT_UNKNOWN_COLUMN'],
])('%s = %s is refused by %s', (column, value, code) => {
  expect(() => parse({ ...event, [column]: value })).toThrow(expect.objectContaining({ code }));
});

test('a refusal names source, column, what was found and what is taken', () => {
  expect(() => parse({ ...event, count: 'many' })).toThrow(
    'an event of "purchases" has "count" = "many"; expected "an integer within ±(2^53 − 1)"',
  );
});

test('a column named like a built-in is missing where it is missing', () => {
  const builtIn: Columns = Object.fromEntries([
    ['id', columns.id],
    ['at', columns.at],
    ['constructor', columns.id],
  ]);
  const odd = rowParser({ name: 'odd', columns: builtIn, id: 'id', time: 'at' });
  expect(() => odd({ id: 'a', at: 1 })).toThrow(expect.objectContaining({ code: 'EVENT_MISSING' }));
  expect(() => parse(JSON.parse(`{"__proto__": 1}`))).toThrow(expect.objectContaining({ code: 'EVENT_MISSING' }));
});

test('JSON numbers beyond a double stay exact', () => {
  const text = (big: string, price: string) =>
    `{"id":"e","at":1,"count":1,"big":${big},"price":${price},"weight":1,"ok":true}`;
  const row = parse(parseEventText(text('9223372036854775807', '92233720368547758.07')));
  expect(row.slice(4, 6)).toEqual([9223372036854775807n, 9223372036854775807n]);
  expect(parse(parseEventText(text('-9223372036854775808', '1234567890123456.78')))[5]).toBe(123456789012345678n);
  expect(parse(parseEventText(text('1e18', '1e2'))).slice(4, 6)).toEqual([10n ** 18n, 10_000n]);
  expect(() => parse(parseEventText(text('9223372036854775808', '1')))).toThrow(
    expect.objectContaining({ code: 'EVENT_TYPE' }),
  );
  expect(() => parse(parseEventText(text('5.5e-1', '1')))).toThrow(expect.objectContaining({ code: 'EVENT_TYPE' }));
  expect(() => parse(parseEventText(text('1e999', '1')))).toThrow(expect.objectContaining({ code: 'EVENT_TYPE' }));
});

test('exact parsing gives what JSON.parse gives, where a double is asked for', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(asDoubles(parseJsonExact(text))).toEqual(JSON.parse(text));
    }),
  );
});

test('exact parsing keeps every number of 40 digits or fewer as it was written, wherever it stands', () => {
  const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 }).map((all) => all.join(''));
  const whole = digits.map((text) => text.replace(/^0+(?=.)/, ''));
  const number = fc
    .tuple(whole, fc.option(digits), fc.option(fc.constantFrom('e0', 'E+2', 'e-3')))
    .map(([int, part, power]) => `${int}${part === null ? '' : `.${part}`}${power ?? ''}`);
  fc.assert(
    fc.property(
      number,
      fc.constantFrom('', '-'),
      fc.constantFrom('v', '1.5e', '12345678901234567'),
      (text, sign, name) => {
        const written = sign + text;
        const {
          [name]: [found],
        } = parseJsonExact(`{"${name}": [${written}]}`) as Record<string, [unknown]>;
        const kept = found instanceof ExactNumber ? found.text : String(found);
        const [a, b] = [parseDecimal(kept), parseDecimal(written)];
        expect([a?.digits, a?.scale]).toEqual([b?.digits, b?.scale]);
      },
    ),
  );
});

function asDoubles(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof ExactNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(asDoubles);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asDoubles(item)]));
}

test('text that is not JSON is EVENT_JSON', () => {
  for (const text of ['', '{', '{"a":NaN}', '{"a":1,}', `{"a":${'9'.repeat(20)}`]) {
    expect(() => parseEventText(text)).toThrow(expect.objectContaining({ code: 'EVENT_JSON' }));
  }
});

test('every decimal of 15 digits survives as number and as text', () => {
  const scale = fc.integer({ min: 0, max: 15 });
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 15n) + 1n, 10n ** 15n - 1n), scale, (scaled, digits) => {
      const text = scaledToText(scaled, digits);
      expect(scaledFromText(text, digits)).toBe(scaled);
      expect(scaledFromNumber(Number(text), digits)).toBe(scaled);
    }),
  );
});

test('every decimal within int64 survives as a JSON number, whatever its scale', () => {
  fc.assert(
    fc.property(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.integer({ min: 0, max: 62 }),
      fc.nat(15),
      (all, bits, scale) => {
        const scaled = all >> BigInt(bits);
        const parse = requestParser('service', { price: { type: 'decimal', scale, nullable: false } });
        const text = scaledToText(scaled, scale);
        expect(parse(parseJsonExact(`{"price":${text}}`)), text).toEqual([scaled]);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('a decimal is never rounded in silence', () => {
  expect(scaledFromNumber(0.1 + 0.2, 2)).toBeNull();
  expect(scaledFromNumber(1.005, 2)).toBeNull();
  expect(scaledFromText('1.50', 1)).toBe(15n);
  expect(scaledFromText('1.55', 1)).toBeNull();
  expect(scaledToText(-5n, 2)).toBe('-0.05');
});

test('requests are parsed by the same rules under their own codes', () => {
  const request = requestParser('departure', {
    origin: { type: 'text', nullable: false },
    at: { type: 'time', nullable: false },
  });
  expect(request({ origin: 'ATL', at: 0 })).toEqual(['ATL', 0]);
  const codeOf = (json: unknown) => {
    try {
      request(json);
      return null;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect([[], {}, { origin: 1, at: 0 }, { origin: 'ATL', at: 0, x: 1 }].map(codeOf)).toEqual([
    'REQUEST_SHAPE',
    'REQUEST_MISSING',
    'REQUEST_TYPE',
    'REQUEST_UNKNOWN_COLUMN',
  ]);
});

test('values go out as they came in', () => {
  const out = (name: string, value: Parameters<ReturnType<typeof valueToJson>>[0]) =>
    JSON.stringify(valueToJson(columns[name])(value));
  expect(out('big', 9223372036854775807n)).toBe('9223372036854775807');
  expect(out('price', 1234n)).toBe('"12.34"');
  expect(out('big', null)).toBe('null');
  expect(JSON.stringify(valueToJson({ type: 'list', element: 'int64', nullable: false })([1n, 2n ** 60n]))).toBe(
    '[1,1152921504606846976]',
  );
});

test('hostile values are refused, never crash', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }), (json) => {
      expect(() => parse(json)).toThrow(expect.objectContaining({ name: 'HeadraceError' }));
    }),
  );
});

test('an embedding is an array of its length of finite numbers', () => {
  const taste = { type: 'embedding', length: 3, nullable: true } as const;
  const read = rowParser({ ...source, columns: { id: columns.id, at: columns.at, taste } });
  const parsed = (value: unknown) => read({ id: 'e', at: 1, taste: value })[2];
  expect(parsed([1, 0.1, -0])).toStrictEqual([1, 0.1, 0]);
  expect(parsed([1n, new ExactNumber('0.25'), 1e300])).toStrictEqual([1, 0.25, 1e300]);
  expect(parsed(null)).toBeNull();
  const wrong = [
    [1, 2],
    [1, 2, 3, 4],
    [1, Number.NaN, 3],
    [1, Number.POSITIVE_INFINITY, 3],
    [1, null, 3],
    ['1', 2, 3],
  ];
  for (const value of [...wrong, [[1, 2, 3]], '[1,2,3]', 1, {}, new Array(3)])
    expect(() => parsed(value)).toThrow(
      expect.objectContaining({ code: 'EVENT_TYPE', message: expect.stringContaining('an array of 3 finite numbers') }),
    );
  expect(() => parsed([1, 2])).toThrow(/an array of 2/);
});
