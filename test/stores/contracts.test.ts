import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import { eventLogContracts } from '../../src/testing/contracts/event-log.ts';
import { onlineStoreContracts } from '../../src/testing/contracts/online-store.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'stores-'));
  roots.push(root);
  return root;
}

describe('memory', () => {
  // Nothing survives it and nobody else can open it: the rules of durability and locks say nothing here.
  test.each(eventLogContracts.filter(({ needs }) => needs.length === 0))(
    'event log, rule $rule: $name',
    async ({ run }) => {
      await run({ open: () => new MemoryEventLog() });
    },
  );
  test.each(onlineStoreContracts.filter(({ needs }) => needs.length === 0))(
    'online store, rule $rule: $name',
    async ({ run }) => {
      await run({ open: () => new MemoryOnlineStore() });
    },
  );
});

describe('embedded', () => {
  test.each(eventLogContracts)('event log for the process, rule $rule: $name', async ({ run }) => {
    const path = newRoot();
    await run({ open: () => openEventLog({ path, durability: 'process', segmentBytes: 20_000 }) });
  });
  test.each(eventLogContracts)('event log for power, rule $rule: $name', async ({ run }) => {
    const path = newRoot();
    await run({ open: () => openEventLog({ path, durability: 'power', segmentBytes: 20_000 }) });
  });
  test.each(onlineStoreContracts)('online store, rule $rule: $name', async ({ run }) => {
    const path = newRoot();
    await run({ open: () => openOnlineStore({ path }) });
  });
});
