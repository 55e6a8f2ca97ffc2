import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkStore, killPublisher } from './kill-publisher.ts';

// scripts/kill/offline.ts does this at hundreds of random points.
test('a writer that is killed leaves whole changes, its position, no stray file and no lock', async () => {
  const path = mkdtempSync(join(tmpdir(), 'offline-kill-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  let last = 0;
  // Turns of this process are far shorter than a change: the kills meet different places of the next one.
  for (const [lines, turns] of [
    [1, 0],
    [3, 40],
    [5, 80],
    [8, 160],
    [9, 320],
  ]) {
    await killPublisher(path, { lines, turns });
    const now = await checkStore(path);
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
  expect(last).toBeGreaterThan(0);
});
