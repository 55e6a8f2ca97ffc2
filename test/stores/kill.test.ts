import { expect, test } from 'vitest';
import { checkLog, checkOnlineStore, killWriter, LOG_WRITER, STORE_WRITER } from './kill-writer.ts';
import { newRoot } from './new-root.ts';

test('kill −9 of a writer of the online store: position and tiles are of one commit, and no commit that returned is lost', {
  timeout: 600_000,
}, async () => {
  const path = newRoot();
  let last = 0;
  for (const lines of [1, 8, 20, 40]) {
    last = await checkOnlineStore(path, Math.max(last, await killWriter(STORE_WRITER, path, { lines })));
  }
  expect(last).toBeGreaterThan(8);
});

test('kill −9 of a writer of the log: every acknowledged append is there, whole, once', {
  timeout: 600_000,
}, async () => {
  const path = newRoot();
  let last = 0;
  for (const lines of [1, 50, 300, 1_000]) {
    last = await checkLog(path, Math.max(last, await killWriter(LOG_WRITER, path, { lines })));
  }
  expect(last).toBeGreaterThan(100);
});
