import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkLoop, killIngester } from './kill-loop.ts';

// scripts/kill/loop.ts does this at hundreds of random points.
// It starts three processes and opens every store six times: half a minute where others use the machine.
test('a process that is killed while it takes events has lost nothing and counted nothing twice, in any store', {
  timeout: 600_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kill-loop-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  let acknowledged = 0;
  for (const [seed, lines] of [2, 60, 240].entries()) {
    acknowledged = await killIngester(directory, acknowledged, seed, { lines });
    await checkLoop(directory, acknowledged);
  }
  expect(acknowledged).toBeGreaterThan(0);
});
