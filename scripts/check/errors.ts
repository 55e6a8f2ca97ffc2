import { readdir, readFile } from 'node:fs/promises';
import { catalogue } from '../../src/base/errors/catalogue.ts';
import { exitCodes } from '../../src/base/errors/exit-codes.ts';
import type { ErrorRow } from '../../src/base/errors/row.ts';
import { errorSection } from '../errors-page.ts';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

const table: Readonly<Record<string, ErrorRow>> = catalogue;

/** Error catalogue and its page say the same, both ways; every code is well formed and used. */
export const errors: Check = {
  name: 'errors',
  async run() {
    const page = await readFile(`${root}/docs/reference/errors.md`, 'utf8').catch(() => '');
    const source = await sourceText();
    const codes = Object.keys(table);
    const problems = [
      ...Object.entries(table).flatMap(([code, row]) => rowProblems(code, row)),
      ...pageProblems(page),
      ...codes.filter((code) => !source.includes(`'${code}'`)).map((code) => `${code} is used nowhere in src`),
    ];
    return { seen: `${codes.length} codes`, problems };
  },
};

/** What differs between the page and the catalogue. */
export function pageProblems(page: string): readonly string[] {
  const onPage = new Map(page.split(/^(?=#{2,3} )/m).map((text) => [/^### (\S+)/.exec(text)?.[1] ?? '', text.trim()]));
  onPage.delete('');
  const hint = 'run npm run pages';
  const missing = Object.entries(table).flatMap(([code, row]) => {
    const text = onPage.get(code);
    if (text === undefined) return [`${code} is not in docs/reference/errors.md: ${hint}`];
    return text === errorSection(code, row).trim()
      ? []
      : [`${code} reads otherwise in docs/reference/errors.md: ${hint}`];
  });
  const unknown = [...onPage.keys()].filter((code) => !(code in table));
  return [
    ...missing,
    ...unknown.map((code) => `${code} is in docs/reference/errors.md but not in the catalogue: ${hint}`),
  ];
}

/** What is wrong with the form of a row. */
export function rowProblems(code: string, { message, hint, status, exit }: ErrorRow): readonly string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(code), 'its code is not AREA_FACT'],
    [/^[^A-Z].*[^.]$/s.test(message), 'its message is not one clause in lower case without a full stop'],
    [hint !== '' && !hint.endsWith('.'), 'its hint is empty or ends with a full stop'],
    [!/\{\w+\}/.test(hint), 'its hint names a fact, which only messages do'],
    [status >= 400 && status < 600, 'its status is no HTTP error'],
    [exit in exitCodes, 'its exit code is not in exit-codes.ts'],
  ];
  return rules.flatMap(([holds, text]) => (holds ? [] : [`${code}: ${text}`]));
}

async function sourceText(): Promise<string> {
  const paths = await readdir(`${root}/src`, { recursive: true });
  const wanted = paths.filter((path) => path.endsWith('.ts') && !path.startsWith('base/errors/'));
  const texts = await Promise.all(wanted.map((path) => readFile(`${root}/src/${path}`, 'utf8')));
  return texts.join('\n');
}
