import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'vitest';
import { offlineSubject } from '../../src/site/subjects.ts';
import { offlineStoreContracts } from '../../src/testing/contracts/offline-store.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

test.each(offlineStoreContracts)('embedded offline store, rule $rule: $name', async ({ run }) => {
  const root = mkdtempSync(join(tmpdir(), 'offline-'));
  roots.push(root);
  await run(offlineSubject(root));
});
