import { expect, test } from 'vitest';
import { figureTable, reachesAim } from '../../bench/figure.ts';
import { measureRates, median, quantile, slopeOf } from '../../bench/measure.ts';
import { callsOf } from '../../scripts/check/commands.ts';
import { pageProblems, rowProblems } from '../../scripts/check/errors.ts';
import { errorSection, errorsPage } from '../../scripts/errors-page.ts';
import { blocksOf } from '../../scripts/markdown.ts';
import { runCommand } from '../../scripts/run-command.ts';
import { toldLines, unprinted } from '../../scripts/run-program.ts';
import { catalogue } from '../../src/base/errors/catalogue.ts';

const row = { message: 'the thing {name} is broken', hint: 'hint it', retry: 'never', status: 400, exit: 2 } as const;

test('a page written from the catalogue agrees with it', () => {
  expect(pageProblems(errorsPage())).toEqual([]);
});

test('a code that is missing on the page, unknown to the catalogue or reported otherwise is a fault', () => {
  const page = errorsPage();
  const section = errorSection('WINDOW_TEXT', catalogue.WINDOW_TEXT);
  expect(pageProblems(page.replace(section, ''))).toEqual([expect.stringContaining('WINDOW_TEXT is not in')]);
  expect(pageProblems(page.replace(section, section.replace('HTTP 400', 'HTTP 500')))).toEqual([
    expect.stringContaining('WINDOW_TEXT reads otherwise'),
  ]);
  expect(pageProblems(`${page}\n${errorSection('THING_BROKEN', row)}`)).toEqual([
    expect.stringContaining('THING_BROKEN is in'),
  ]);
});

test('a row of the catalogue is AREA_FACT, one clause, a hint, an HTTP error and an exit code', () => {
  expect(rowProblems('THING_BROKEN', row)).toEqual([]);
  expect(rowProblems('BROKEN', row)).toHaveLength(1);
  expect(rowProblems('THING_BROKEN', { ...row, message: 'It broke.' })).toHaveLength(1);
  expect(rowProblems('THING_BROKEN', { ...row, hint: '' })).toHaveLength(1);
  expect(rowProblems('THING_BROKEN', { ...row, hint: 'hint {thing}' })).toHaveLength(1);
  expect(rowProblems('THING_BROKEN', { ...row, status: 200 })).toHaveLength(1);
  expect(rowProblems('THING_BROKEN', { ...row, exit: 0 })).toHaveLength(1);
});

test('blocks of a page carry their language, note, text and line', () => {
  const page = 'Text.\n\n```ts file=a.ts\nconst a = 1;\n```\n\n```sh\nnpm ci\n```\n';
  expect(blocksOf(page)).toEqual([
    { language: 'ts', note: 'file=a.ts', text: 'const a = 1;\n', line: 3 },
    { language: 'sh', note: '', text: 'npm ci\n', line: 7 },
  ]);
});

test('calls of npm and headrace are found in a shell block, others are left alone', () => {
  const block =
    'npm ci && npm start # the demo\nnpx headrace features get departure \\\n  origin="A B"\ncurl localhost\n';
  expect(callsOf(block)).toEqual([
    ['npm', 'ci'],
    ['npm', 'start'],
    ['headrace', 'features', 'get', 'departure', 'origin=A B'],
  ]);
});

test('a program prints the lines that its comments tell, in their order', () => {
  expect(toldLines('console.log(1); // → 1\n// → two words\n')).toEqual(['1', 'two words']);
  expect(unprinted(['1', '2'], ['0', '1', 'other', '2'])).toEqual([]);
  expect(unprinted(['2', '1'], ['1', '2'])).toEqual(['1']);
});

test('a command that fails or is not there gives a code and what it wrote, never an exception', async () => {
  expect(await runCommand('node', ['-e', 'console.error("no"); process.exit(3)'])).toEqual({
    code: 3,
    stdout: '',
    output: 'no\n',
  });
  expect((await runCommand('no-such-command', [])).code).toBe(127);
  expect((await runCommand('node', ['-e', 'setInterval(() => {}, 1000)'], { limitMs: 200 })).output).toContain(
    'stopped',
  );
});

test('rates are taken of each work in turns, and medians and quantiles are by rank', async () => {
  const order: string[] = [];
  const works = {
    a: { operations: 1, run: () => void order.push('a') },
    b: { operations: 1, run: () => void order.push('b') },
  };
  const rates = await measureRates(works, { warmUps: 1, rounds: 2 });
  expect(order.join('')).toBe('ababab');
  expect(rates.a).toBeGreaterThan(0);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
});

test('the slope of a line is found, whatever its height, and noise that is even about it changes nothing', () => {
  const line = (slope: number, noise: number) =>
    [0, 0, 1, 1, 2, 2].map((x, i) => [x, 7 + slope * x + noise * (i % 2 === 0 ? 1 : -1)] as const);
  for (const slope of [-2, 0, 0.5])
    for (const noise of [0, 3]) expect(slopeOf(line(slope, noise))).toBeCloseTo(slope, 9);
  expect(slopeOf([[1, 1]])).toBeNaN();
});

test('a figure reaches its aim by its value or by its ratio to the yardstick', () => {
  const figure = {
    name: 'reads',
    unit: '/s',
    value: 300_000,
    yardstick: 'Map.get',
    yardstickValue: 600_000,
    ratio: 0.5,
    aim: null,
  };
  expect(reachesAim(figure)).toBeNull();
  expect(reachesAim({ ...figure, aim: { of: 'value', atLeast: 150_000 } })).toBe(true);
  expect(reachesAim({ ...figure, aim: { of: 'ratio', atLeast: 0.6 } })).toBe(false);
  expect(reachesAim({ ...figure, aim: { of: 'ratio', atMost: 0.5 } })).toBe(true);
  expect(figureTable([{ ...figure, aim: { of: 'ratio', atLeast: 0.4 } }])).toContain(
    '| reads | 300,000 /s | Map.get: 600,000 | 0.50 | ratio ≥ 0.4 | yes |',
  );
});
