import { expect, test } from 'vitest';
import { proseProblems, seedProblems } from '../../scripts/check/prose.ts';
import {
  commentBlocks,
  errorBlocks,
  hashBlocks,
  helpBlocks,
  pageBlocks,
  sentencesOf,
  testBlocks,
  unreleased,
} from '../../scripts/check/prose-blocks.ts';
import { MOST_WORDS, proseRules, wordsOf } from '../../scripts/check/prose-rules.ts';

/** The short names of the rules that find something in a page. */
const rulesOf = (page: string) =>
  pageBlocks(page).flatMap((block) =>
    proseRules.filter(({ find }) => find(block).length > 0).map(({ name }) => name.split(':')[0]),
  );

test('a page is read without its code, quotes and HTML comments, on the lines that it has in the file', () => {
  const page =
    '# One\n\nTwo `a\nb` c\nd.\n\n```ts\nmend\n```\n\n> mend\n\n<!-- mend -->\n- three\n  four\n- five\n| six |\n';
  expect(pageBlocks(page).map(({ line, text }) => [line, text])).toEqual([
    [1, '# One'],
    [3, 'Two Code\n c\nd.'],
    [14, 'three\n  four'],
    [16, 'five'],
    [17, '| six |'],
  ]);
});

test('a phrase is found across lines, in headings and in tables, and not in code', () => {
  expect(rulesOf('The log is written\nanew.')).toEqual(['anew']);
  expect(rulesOf('The reader lacks what\nis served.')).toEqual(['question-as-noun']);
  expect(rulesOf('# Mend it')).toEqual(['mend']);
  expect(rulesOf('| it goes on |')).toEqual(['go-on']);
  expect(rulesOf('Set `anew`, then run it.\n\n```sh\nmend\n```\n')).toEqual([]);
});

test('a sentence ends at a full stop that no small letter follows, and keeps its place', () => {
  const text = 'Use a number, e.g. five. Then (it\nruns.) "Stop." 3 rows remain';
  const found = sentencesOf(text);
  expect(found.map((sentence) => sentence.text)).toEqual([
    'Use a number, e.g. five.',
    'Then (it\nruns.)',
    'Stop."',
    '3 rows remain',
  ]);
  expect(found.map(({ at }) => text.slice(at, at + 3))).toEqual(['Use', 'The', '"St', '3 r']);
});

test('a sentence of the most words passes and one more is a fault, for every kind but comments', () => {
  const sentence = (words: number) => `${Array.from({ length: words }, () => 'word').join(' ')}.`;
  const isLong = proseRules.find(({ name }) => name.startsWith('long-sentence'));
  for (const words of [2, MOST_WORDS - 1, MOST_WORDS, MOST_WORDS + 1, 3 * MOST_WORDS]) {
    const expected = words > MOST_WORDS ? 1 : 0;
    const text = sentence(words);
    const blocks = [
      ...pageBlocks(text),
      ...errorBlocks(`    message: '${text}',`),
      ...helpBlocks(`    summary: '${text}',`),
    ];
    expect(blocks).toHaveLength(3);
    for (const block of blocks)
      expect(isLong?.find(block) ?? [], `${block.kind}, ${words} words`).toHaveLength(expected);
    for (const block of commentBlocks(`// ${text}`)) expect(isLong?.find(block)).toEqual([]);
  }
});

test('code, a link and a dash count as one, one and no word', () => {
  expect(wordsOf('Code runs – see [a long text of a link](page.md).')).toBe(4);
});

test('a question may begin with what, a statement may not', () => {
  expect(rulesOf('What does it read?')).toEqual([]);
  expect(rulesOf('# What it reads')).toEqual([]);
  expect(rulesOf('It runs. What it reads is a file.')).toEqual(['what-first']);
  expect(rulesOf('- Of which one counts.')).toEqual(['what-first']);
});

test('comments are read in all their forms, and texts in quotes are not', () => {
  const source = [
    '/** One. */',
    "const url = 'http://x // no'; // two",
    '/**',
    ' * three',
    ' * four',
    ' * @returns five',
    ' */',
    'const text = `// no`;',
    'const quotient = a / b;',
    '// six',
  ].join('\n');
  expect(commentBlocks(source).map(({ line, text }) => [line, text.trim()])).toEqual([
    [1, 'One.\ntwo'],
    [4, 'three\nfour\nfive'],
    [10, 'six'],
  ]);
});

test('messages, hints and help are read, with either quote and on the line after their name', () => {
  const row =
    "    message: 'it is {a}',\n    hint:\n      \"don't stop\",\n    message: `stop`,\n    retry: 'never',\n";
  expect(errorBlocks(row).map(({ line, text }) => [line, text])).toEqual([
    [1, 'it is {a}'],
    [3, "don't stop"],
    [4, 'stop'],
  ]);
  const help =
    "  summary:\n    'reads a file',\n  words: '<view>',\n  options: { dry: flag('reads only'), at: option(instant, 'reads at') }";
  expect(helpBlocks(help).map(({ text }) => text)).toEqual(['reads a file', 'reads only', 'reads at']);
});

test('names of tests are read, and so are comments and first texts of a Python or shell program', () => {
  const source = "test('a rule', () => {});\ntest.each(CASES)('%s is a rule', () => {});\ndescribe(name, () => {});\n";
  expect(testBlocks(source).map(({ text }) => text)).toEqual(['a rule', '%s is a rule']);
  const program = '#!/usr/bin/env python3\n"""Reads a file."""\nname = "# none"\n# First\n# line.\n';
  expect(hashBlocks(program).map(({ line, text }) => [line, text])).toEqual([
    [2, 'Reads a file.'],
    [4, 'First\nline.'],
  ]);
});

test('of a changelog only the section that is not released is read', () => {
  const changelog = '# Changelog\n\n## [Unreleased]\n\n- anew\n\n## [0.1.0]\n\n- anew\n';
  expect(pageBlocks(unreleased(changelog)).map(({ line, text }) => [line, text])).toEqual([
    [3, '## [Unreleased]'],
    [5, 'anew'],
  ]);
  expect(unreleased('# Changelog\n')).toBe('');
});

test('a finding is a problem that names its place, rule and text', () => {
  const finding = {
    path: 'src/a/b.ts',
    line: 3,
    kind: 'comment',
    rule: 'anew',
    pattern: 'anew',
    text: 'anew',
  } as const;
  expect(proseProblems([finding])).toEqual(['src/a/b.ts:3: anew: "anew"']);
});

test('a pattern, a kind of text or a changelog whose seeded violation is not caught is a fault', () => {
  const found = { path: 'CHANGELOG.md', line: 1, kind: 'page', rule: 'x', pattern: 'x', text: '' } as const;
  const seeds = proseRules.map(({ name, pattern }) => ({ ...found, rule: name, pattern }));
  const kinds = (['comment', 'error', 'help', 'test'] as const).map((kind) => ({ ...found, path: 'a.ts', kind }));
  const other = { ...found, path: 'clients/faulty.py' };
  expect(seedProblems([...seeds, ...kinds, other])).toEqual([]);
  expect(seedProblems([...seeds, other])).toHaveLength(4);
  for (const missed of seeds)
    expect(seedProblems([...seeds.filter((seed) => seed !== missed), ...kinds, other]), missed.pattern).toHaveLength(1);
  expect(seedProblems([...seeds, ...kinds, other].map((finding) => ({ ...finding, path: 'a.ts' })))).toHaveLength(2);
  expect(seedProblems([...seeds, ...kinds, other, { ...found, path: 'docs/plain.md' }])).toHaveLength(1);
});
