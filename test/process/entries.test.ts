import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Files that are no entries: the manifest of the package, its folder, and the Python file of a back end. */
const NO_ENTRIES = ['backends/spark/connect/python-function.ts', 'environment/own-version.ts'];

test('no entry of a process or a thread is named by a path above the folder of who starts it', () => {
  const above = globSync('**/*.ts', { cwd: src }).filter((file) =>
    /new URL\(\s*['"`]\.\.\//.test(readFileSync(join(src, file), 'utf8')),
  );
  expect(above.sort()).toEqual(NO_ENTRIES);
});
