import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { type RejectedPage, readOutputs, readRejected } from '../../src/serving/streaming/read-outputs.ts';
import { encodeOutput } from '../../src/serving/streaming/stream-record.ts';
import { MemoryEventLog } from '../memory/event-log.ts';

const at = { stream: 'scored', topic: 'scored@1' };
const PARTITIONS = 2;
const EACH = 11_000;

/** A log whose outputs are rejected now and then. */
function filledLog(): MemoryEventLog {
  const random = seededRandom(11);
  const log = new MemoryEventLog();
  log.openTopic(at.topic, PARTITIONS);
  const made = { model: 'm', version: 1, digest: 'd', plan: 0, service: 's@1', epoch: 1, lane: 'live' } as const;
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const records = Array.from({ length: EACH }, (_, offset) => {
      const isDead = random() < 0.01;
      const score = isDead ? { score: null, error: 'it threw' } : { score: 0.5, error: null };
      return encodeOutput({ id: `${partition} ${offset}`, at: offset, scoredAt: offset, offset, ...score, ...made });
    });
    log.append(at.topic, partition, records);
  }
  return log;
}

test('reads of rejected records, from the newest outputs back, find each once and no other; and forward from the first', async () => {
  const log = filledLog();
  const { outputs } = await readOutputs(log, at, { cursor: null, most: PARTITIONS * EACH });
  const expected = outputs.filter(({ error }) => error !== null).map(({ id }) => id);
  expect(expected.length).toBeGreaterThan(100);
  const back: string[][] = [];
  for (let cursor: string | null = null; ; ) {
    const page: RejectedPage = await readRejected(log, at, { cursor, most: 10_000 });
    back.push(page.outputs.map(({ id }) => id));
    expect(page.isEnd).toBe(cursor === null);
    if (page.previous === null) break;
    cursor = page.previous;
  }
  expect(back.length).toBeGreaterThan(2);
  // The last part reaches into the one after it.
  expect(new Set(back.flat())).toEqual(new Set(expected));
  const forward: string[] = [];
  for (let cursor = '0,0', isEnd = false; !isEnd; ) {
    const page = await readRejected(log, at, { cursor, most: 7 });
    forward.push(...page.outputs.map(({ id }) => id));
    [cursor, isEnd] = [page.next, page.isEnd];
  }
  expect(new Set(forward)).toEqual(new Set(expected));
  expect(forward).toHaveLength(expected.length);
  await expect(readRejected(log, at, { cursor: '1', most: 7 })).rejects.toMatchObject({ code: 'STREAM_CURSOR' });
});
