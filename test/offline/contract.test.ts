import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { offlineStoreContracts } from '../../src/testing/contracts/offline-store.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

test.each(offlineStoreContracts)('embedded offline store, rule $rule: $name', async ({ run }) => {
  const root = mkdtempSync(join(tmpdir(), 'offline-'));
  roots.push(root);
  let now = 1_700_000_000_000;
  const keepRetiredMs = 60_000;
  await run({
    // Quotes, blanks, characters of patterns and what looks like a partition are allowed in the path of a store.
    open: (access) =>
      openOfflineStore({ path: join(root, "it's [a] *store? n=1"), access, clock: () => now, keepRetiredMs }),
    outlastRetired: () => {
      now += keepRetiredMs;
    },
    outside: root,
    files: {
      remove: (path) => rmSync(path),
      truncate: (path) => truncateSync(path, statSync(path).size - 9),
      replace: (path, by) => copyFileSync(by, path),
    },
  });
});
