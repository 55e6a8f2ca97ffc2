import { expect, test } from 'vitest';
import { sourceRows } from '../../src/featurestore/ingest/source-rows.ts';
import { Materialiser } from '../../src/featurestore/materialise/materialiser.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { spend } from './numbered-tiles.ts';

test('a store that stands behind the end of its log is refused: new events would be taken for applied ones', async () => {
  const { source } = spend.view;
  const log = new MemoryEventLog();
  log.openTopic('purchases@1', 2);
  log.append('purchases@1', 1, [logRecordAt(0)]);
  const store = new MemoryOnlineStore();
  store.writeTiles({ writer: 'materialiser', position: { 'purchases@1': [0, 2] }, tiles: [] });
  await expect(
    new Materialiser({
      log,
      store,
      sources: [source],
      rowsOf: sourceRows({}, 'compact'),
      layouts: [spend],
      memoryBytes: 10 * 2_000,
      clock: Date.now,
    }).open(),
  ).rejects.toMatchObject({ code: 'STORE_AHEAD', facts: { source: 'purchases', position: 2, end: 1 } });
});
