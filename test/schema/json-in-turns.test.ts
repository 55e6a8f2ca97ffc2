import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJsonExact } from '../../src/schema/json-exact.ts';
import { parseInTurns } from '../../src/schema/json-in-turns.ts';

const turn = () => Promise.resolve();

async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return { value: await read() };
  } catch (error) {
    return error instanceof SyntaxError ? 'refused' : error;
  }
}

const inTurns = (text: string, slice: number) =>
  outcome(() => parseInTurns(text, { parse: parseJsonExact, turn, slice }));
const atOnce = (text: string) => outcome(() => parseJsonExact(text));

/** Blanks around each sign of a JSON text, outside of its strings. */
function spread(text: string, blank: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]/g, (part) => `${blank}${part}${blank}`);
}

const names = fc.constantFrom('a', 'b', '__proto__', '1', 'x"y', 'c\\');
const json = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(0, -1.5, '', 'a,b', '"[{', true, null),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(names, tie('any'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).any;

test('a text that is read in turns is what it is at once, in pieces of any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      json,
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom('', ' ', '\n\t'),
      async (value, slice, blank) => {
        const text = spread(JSON.stringify(value), blank);
        expect(await inTurns(text, slice)).toEqual(await atOnce(text));
      },
    ),
    { numRuns: 300 },
  );
});

test('a text that is no JSON is refused in turns exactly where it is refused at once', async () => {
  const signs = fc.constantFrom('[', ']', '{', '}', ',', ':', '"', '\\', '0', ' ', 'x', '"a":1', '[1],', '1e400');
  await fc.assert(
    fc.asyncProperty(
      json,
      signs,
      fc.nat(),
      fc.boolean(),
      fc.integer({ min: 1, max: 30 }),
      async (value, sign, place, cuts, slice) => {
        const text = JSON.stringify(value);
        const at = place % (text.length + 1);
        const changed = text.slice(0, at) + sign + text.slice(cuts ? at + 1 : at);
        expect(await inTurns(changed, slice)).toEqual(await atOnce(changed));
      },
    ),
    { numRuns: 600 },
  );
});

test('numbers stay exact in every piece, and the last of two equal names counts', async () => {
  const text = `{"a":[9007199254740993,${'1,'.repeat(50)}0.12345678901234567890],"b":1,"a":[${'2,'.repeat(40)}595125622443733822]}`;
  expect(await inTurns(text, 20)).toEqual(await atOnce(text));
});

test('no piece is much longer than asked, whatever the nesting', async () => {
  const deep = `${'{"a":['.repeat(40)}${'{"k":[1,2,3]},'.repeat(500)}0${']}'.repeat(40)}`;
  const wide = JSON.stringify({ inputs: [{ data: Array.from({ length: 5_000 }, (_, i) => i) }, { data: 'x' }] });
  for (const text of [deep, wide]) {
    const pieces: number[] = [];
    let turns = 0;
    const value = await parseInTurns(text, {
      parse: (piece) => {
        pieces.push(piece.length);
        return parseJsonExact(piece);
      },
      turn: async () => {
        turns += 1;
      },
      slice: 200,
    });
    expect(value).toEqual(parseJsonExact(text));
    expect(Math.max(...pieces)).toBeLessThan(3 * 200);
    expect(turns).toBeGreaterThanOrEqual(pieces.length / 2);
  }
});

test('the counts come before anything is made, and a refusal of them ends the reading', async () => {
  let parsed = 0;
  const reading = parseInTurns('[1,[2,{"a":3}]]', {
    parse: () => {
      parsed += 1;
    },
    turn,
    counted: ({ values, containers }) => {
      throw new RangeError(`${values} ${containers}`);
    },
  });
  await expect(reading).rejects.toThrow('6 3');
  expect(parsed).toBe(0);
});
