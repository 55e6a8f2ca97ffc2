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
  for (const afterMs of [0, 60, 95, 130, 170]) {
    await killPublisher(path, afterMs);
    const now = await checkStore(path);
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
  expect(last).toBeGreaterThan(0);
});
