import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A new empty directory, gone when the test ends. */
export function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'stores-'));
  roots.push(root);
  return root;
}
