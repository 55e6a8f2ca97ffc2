import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { declared, mistakes } from './mistakes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(`${tmpdir()}/headrace-mistakes-`);
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (index: number) => `mistake${index}.ts`;
const said = compile();

test('what the mistakes are made with has none', () => {
  expect(said.get('declared.ts') ?? []).toEqual([]);
});

for (const [index, { mistake, says }] of mistakes.entries()) {
  test(`${mistake} is one readable error`, () => {
    const errors = said.get(fileOf(index)) ?? [];
    expect(errors).toHaveLength(1);
    for (const text of says) expect(errors[0]).toContain(text);
  });
}

/** What the compiler says, by file: one text for each error. */
function compile(): ReadonlyMap<string, readonly string[]> {
  write('package.json', '{ "type": "module" }');
  write('tsconfig.json', JSON.stringify(configuration()));
  write('declared.ts', declared);
  const names = 'user, flights, byRoute, excess, departure, spine, view, learn';
  const head = `import * as h from 'headrace';\nimport { ${names} } from './declared.ts';\n`;
  for (const [index, { code }] of mistakes.entries()) write(fileOf(index), `${head}${code}\n`);
  const tsc = spawnSync(`${root}/node_modules/.bin/tsc`, ['-p', folder, '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const errors = new Map<string, string[]>();
  for (const text of tsc.stdout.split(/\n(?=\S)/)) {
    const file = /^([\w.]+)\(\d+,\d+\): error/.exec(text)?.[1];
    if (file === undefined) throw new Error(`tsc says ${text} ${tsc.stderr}`);
    errors.set(file, [...(errors.get(file) ?? []), text]);
  }
  return errors;
}

function configuration() {
  return {
    extends: `${root}/tsconfig.json`,
    compilerOptions: {
      typeRoots: [`${root}/node_modules/@types`],
      paths: { headrace: [`${root}/src/features/define/declare.ts`] },
    },
    include: ['*.ts'],
  };
}

function write(name: string, text: string): void {
  writeFileSync(`${folder}/${name}`, text);
}
