import { expect, test } from 'vitest';
import { checkLog, checkOnlineStore, killWriter, LOG_WRITER, STORE_WRITER } from './kill-writer.ts';
import { newRoot } from './new-root.ts';

test('kill −9 of a writer of the online store: position and tiles are of one commit, and no commit that returned is lost', {
  timeout: 180_000,
}, async () => {
  const path = newRoot();
  let last = 0;
  for (const [afterMs, commits] of [[0], [30], [70], [150, 9]]) {
    last = await checkOnlineStore(path, Math.max(last, await killWriter(STORE_WRITER, path, afterMs, commits)));
  }
  expect(last).toBeGreaterThan(8);
});

test('kill −9 of a writer of the log: every acknowledged append is there, whole, once', {
  timeout: 180_000,
}, async () => {
  const path = newRoot();
  let last = 0;
  for (const [afterMs, records] of [[0], [30], [70], [150, 101]]) {
    last = await checkLog(path, Math.max(last, await killWriter(LOG_WRITER, path, afterMs, records)));
  }
  expect(last).toBeGreaterThan(100);
});
