import { expect, test } from 'vitest';
import { compile } from './compile.ts';
import { declared, mistakes } from './mistakes.ts';

const names = 'user, flights, byRoute, excess, departure, spine, view, learn';
const head = `import * as h from 'headrace';\nimport { ${names} } from './declared.ts';\n`;
const fileOf = (index: number) => `mistake${index}.ts`;

const { errors } = compile({
  'declared.ts': declared,
  ...Object.fromEntries(mistakes.map(({ code }, index) => [fileOf(index), `${head}${code}\n`])),
});

test('what the mistakes are made with has none', () => {
  expect(errors.get('declared.ts') ?? []).toEqual([]);
});

test('nothing else is at fault', () => {
  expect([...errors.keys()].filter((file) => !mistakes.some((_, index) => file === fileOf(index)))).toEqual([]);
});

for (const [index, { mistake, says }] of mistakes.entries()) {
  test(`${mistake} is one readable error`, () => {
    const [error, ...more] = errors.get(fileOf(index)) ?? [];
    expect(more).toEqual([]);
    for (const text of says) expect(error).toContain(text);
  });
}
