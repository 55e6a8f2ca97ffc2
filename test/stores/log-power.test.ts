import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { nodeFiles } from '../../src/backends/embedded/log/log-files.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { seededRandom } from '../../src/base/rng.ts';
import type { EventLog, LogRecord } from '../../src/ports/event-log.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';
import { LossyFiles } from './lossy-files.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'power-'));
  roots.push(root);
  return root;
}

const TOPIC = 't';

/** What was promised: by offset the records acknowledged, and how far any reader has seen. */
class Promised {
  readonly acknowledged = new Map<number, LogRecord>();
  seen = 0;
  begin = 0;
}

/** Appends of 1 to 30 records at random, many at once; some writes, syncs and truncations fail; reads and retention between. */
async function use(log: EventLog, files: LossyFiles, random: () => number, promised: Promised): Promise<void> {
  let made = (await log.ends(TOPIC))[0].end;
  const waiting: Promise<void>[] = [];
  for (let step = 0; step < 40; step += 1) {
    const records = Array.from({ length: 1 + Math.floor(random() * 30) }, () => {
      made += 1;
      return logRecordAt(made, 1_000);
    });
    waiting.push(appendOne(log, records, promised));
    if (random() < 0.2) await new Promise(setImmediate);
    if (random() < 0.1) await Promise.all(waiting.splice(0));
    for (const kind of ['sync', 'append', 'truncate'] as const) if (random() < 0.03) files.failures[kind] += 1;
    if (random() < 0.3) {
      const [{ begin, end }] = await log.ends(TOPIC);
      promised.seen = Math.max(promised.seen, end);
      expect((await log.read(TOPIC, 0, begin, 1_000_000)).records.length).toBe(end - begin);
    }
    if (random() < 0.03) {
      const [{ end }] = await log.ends(TOPIC);
      const keepFrom = [Math.floor(end / 2)];
      await log.retain(TOPIC, { olderThanIngestTs: Number.POSITIVE_INFINITY, maxBytes: 0, keepFrom });
      [{ begin: promised.begin }] = await log.ends(TOPIC);
    }
  }
  if (random() < 0.5) await Promise.all(waiting);
}

async function appendOne(log: EventLog, records: readonly LogRecord[], promised: Promised): Promise<void> {
  try {
    const offset = await log.append(TOPIC, 0, records);
    for (const [i, record] of records.entries()) promised.acknowledged.set(offset + i, record);
  } catch (error) {
    if (!isHeadraceError(error, 'LOG_WRITE')) throw error;
  }
}

async function mustHold(path: string, promised: Promised): Promise<void> {
  const log = openEventLog({ path, durability: 'power', segmentBytes: 2_000 });
  try {
    await log.openTopic(TOPIC, 1);
    const [{ begin, end }] = await log.ends(TOPIC);
    expect(begin).toBeLessThanOrEqual(promised.begin);
    expect(end).toBeGreaterThanOrEqual(promised.seen);
    const { records } = await log.read(TOPIC, 0, begin, 1_000_000);
    expect(records.length).toBe(end - begin);
    for (const [offset, record] of promised.acknowledged)
      if (offset >= begin) expect(records[offset - begin]).toEqual(record);
    expect(await log.append(TOPIC, 0, [logRecordAt(1)])).toBe(end);
  } finally {
    await log.close();
  }
}

test('with durability power, what was acknowledged or seen by a reader is there after the power failed, however much else the disk lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const random = seededRandom(seed);
      const files = new LossyFiles(random);
      const path = newRoot();
      const log = openEventLog({ path, durability: 'power', segmentBytes: random() < 0.5 ? 2_000 : 50_000, files });
      await log.openTopic(TOPIC, 1);
      const promised = new Promised();
      await use(log, files, random, promised);
      files.losePower();
      files.failures = { sync: 0, append: 0, truncate: 0 };
      const after = newRoot();
      for (const folder of ['topics/t/0']) nodeFiles.makeFolder(join(after, folder));
      copyFolder(path, after);
      await mustHold(after, promised);
      await log.close();
    }),
    { numRuns: 25, endOnFailure: true, examples: [[1989178602]] },
  );
});

function copyFolder(from: string, to: string): void {
  nodeFiles.replace(join(to, 'topics/t/topic.json'), '{"format":1,"partitions":1}');
  const folder = 'topics/t/0';
  for (const name of readdirSync(join(from, folder))) {
    const fd = nodeFiles.open(join(from, folder, name));
    const bytes = new Uint8Array(nodeFiles.size(fd));
    nodeFiles.read(fd, bytes, 0);
    nodeFiles.close(fd);
    const copy = nodeFiles.open(join(to, folder, name));
    if (bytes.length > 0) nodeFiles.append(copy, bytes, 0);
    nodeFiles.close(copy);
  }
}

test('with durability process, an append that failed is not in the log, and the log continues as before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const random = seededRandom(seed);
      const files = new LossyFiles(random);
      const path = newRoot();
      const log = openEventLog({ path, durability: 'process', segmentBytes: 2_000, files });
      await log.openTopic(TOPIC, 1);
      const kept: LogRecord[] = [];
      for (let step = 0; step < 30; step += 1) {
        const records = Array.from({ length: 1 + Math.floor(random() * 20) }, (_, k) =>
          logRecordAt(kept.length + k, 1_000),
        );
        for (const kind of ['append', 'truncate'] as const) if (random() < 0.2) files.failures[kind] += 1;
        try {
          expect(await log.append(TOPIC, 0, records)).toBe(kept.length);
          kept.push(...records);
        } catch (error) {
          if (!isHeadraceError(error, 'LOG_WRITE')) throw error;
        }
        const from = Math.floor(random() * kept.length);
        expect((await log.read(TOPIC, 0, from, 1_000_000)).records).toEqual(kept.slice(from));
      }
      await log.close();
      const again = openEventLog({ path, durability: 'process', segmentBytes: 2_000 });
      await again.openTopic(TOPIC, 1);
      expect((await again.read(TOPIC, 0, 0, 1_000_000)).records).toEqual(kept);
      await again.close();
    }),
    { numRuns: 12, endOnFailure: true },
  );
});

test('many appends at once share a few syncs', async () => {
  let syncs = 0;
  const files = {
    ...nodeFiles,
    syncSoon: (fd: number) => {
      syncs += 1;
      return nodeFiles.syncSoon(fd);
    },
  };
  const log = openEventLog({ path: newRoot(), durability: 'power', files });
  await log.openTopic(TOPIC, 1);
  const offsets = await Promise.all(Array.from({ length: 500 }, (_, i) => log.append(TOPIC, 0, [logRecordAt(i)])));
  expect(offsets).toEqual(Array.from({ length: 500 }, (_, i) => i));
  expect(syncs).toBeLessThan(5);
  await log.close();
});

test('a reader sees an append for power only when it is acknowledged', async () => {
  const log = openEventLog({ path: newRoot(), durability: 'power' });
  await log.openTopic(TOPIC, 1);
  const appended = log.append(TOPIC, 0, [logRecordAt(0)]);
  expect((await log.read(TOPIC, 0, 0, 10)).records).toEqual([]);
  await appended;
  expect((await log.read(TOPIC, 0, 0, 10)).records).toEqual([logRecordAt(0)]);
  await log.close();
});
