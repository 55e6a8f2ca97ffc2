import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new empty directory, gone when the test ends. */
export function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'stores-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}
