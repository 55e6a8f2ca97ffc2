import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** The subject: one log, empty at first. `open` after `close` opens the same log again. */
export interface EventLogSubject {
  open(): MaybePromise<EventLog>;
}

/** A capability without which a rule says nothing. */
export type EventLogNeed = 'durable' | 'oneWriter' | 'blank' | 'beginAt' | 'heads';

const TOPIC = 'departures@1';

/** Record number `i`, different from every other. */
export function logRecordAt(i: number, ingestTs = 1_000 + i): LogRecord {
  return {
    id: `e${i}`,
    ts: i * 7 - 1_000,
    ingestTs,
    payload: Uint8Array.from({ length: i % 40 }, (_, b) => (i + b) % 256),
  };
}

function recordsAt(from: number, to: number): readonly LogRecord[] {
  return Array.from({ length: to - from }, (_, i) => logRecordAt(from + i));
}

/** The rules of `ports/event-log.ts`. */
export const eventLogContracts: readonly Contract<EventLogSubject, EventLogNeed>[] = [
  {
    rule: 1,
    name: 'offsets of a partition are dense, from 0, in append order',
    needs: [],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 2);
      mustEqual(await log.append(TOPIC, 0, recordsAt(0, 3)), 0, 'first append');
      mustEqual(await log.append(TOPIC, 0, recordsAt(3, 4)), 3, 'second append');
      mustEqual(await log.append(TOPIC, 1, recordsAt(10, 12)), 0, 'first append of another partition');
      mustEqual(await log.append(TOPIC, 0, []), 4, 'an append of nothing');
      const ends = await log.ends(TOPIC);
      mustEqual(
        ends.map(({ begin, end, lastIngestTs }) => [begin, end, lastIngestTs]),
        [
          [0, 4, 1_003],
          [0, 2, 1_011],
        ],
        'ends',
      );
      await log.close();
    },
  },
  {
    rule: 13,
    name: 'the heads of a span are the ids and times of its records, and they go on where they ended',
    needs: ['heads'],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 1);
      const records = recordsAt(0, 60).map((record, i) =>
        i % 7 === 0 ? { ...record, id: 'é\u{1f600}'.repeat(i) } : record,
      );
      for (let from = 0; from < 60; from += 1 + (from % 13))
        await log.append(TOPIC, 0, records.slice(from, from + 1 + (from % 13)));
      await log.close();
      const again = await subject.open();
      await again.openTopic(TOPIC, 1);
      const decoder = new TextDecoder();
      for (const least of [1, 5, 100])
        for (const [first, to] of [
          [0, 60],
          [3, 41],
          [17, 18],
          [59, 90],
          [60, 90],
        ] as const) {
          const seen: unknown[] = [];
          let from: number = first;
          for (let count = -1; count !== 0; from += count) {
            count =
              again.eachHead?.(TOPIC, 0, { from, to, least }, ({ bytes, idFrom, idTo, ts, ingestTs }, offset) => {
                seen.push([offset, decoder.decode(bytes.subarray(idFrom, idTo)), ts, ingestTs]);
              }) ?? 0;
            if (from + count >= to) break;
          }
          const wanted = records.slice(first, to).map(({ id, ts, ingestTs }, i) => [first + i, id, ts, ingestTs]);
          mustEqual(seen, wanted, `heads from ${first} to ${to}, ${least} at least`);
        }
      await again.close();
    },
  },
  {
    rule: 2,
    name: 'a read returns the records from its offset, at most the requested number, none at the end, equal to the appended ones',
    needs: [],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 1);
      const all = recordsAt(0, 300);
      for (let i = 0; i < all.length; i += 7) await log.append(TOPIC, 0, all.slice(i, i + 7));
      for (const [from, max] of [
        [0, 300],
        [0, 1],
        [5, 10],
        [299, 5],
        [100, 1_000],
      ] as const) {
        const { offset, records } = await log.read(TOPIC, 0, from, max);
        mustEqual(
          { offset, records },
          { offset: from, records: all.slice(from, from + max) },
          `read of ${max} from ${from}`,
        );
      }
      mustEqual((await log.read(TOPIC, 0, 300, 5)).records, [], 'read at the end');
      await log.close();
    },
  },
  {
    rule: 3,
    name: 'a read before the beginning is LOG_TRIMMED',
    needs: [],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 1);
      for (let i = 0; i < 4_000; i += 500) await log.append(TOPIC, 0, recordsAt(i, i + 500));
      await log.retain(TOPIC, { olderThanIngestTs: Number.POSITIVE_INFINITY, maxBytes: 0, keepFrom: [3_500] });
      const [{ begin }] = await log.ends(TOPIC);
      if (begin === 0) throw new Error('retention dropped nothing of 4,000 records: give the subject small segments');
      await mustFail('LOG_TRIMMED', () => log.read(TOPIC, 0, begin - 1, 1), 'a read below the begin');
      mustEqual((await log.read(TOPIC, 0, begin, 1)).records, [logRecordAt(begin)], 'the first record that is left');
      await log.close();
    },
  },
  {
    rule: 4,
    name: 'ingest times never decrease within an append, and may go back with the next one',
    needs: [],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 2);
      await log.append(TOPIC, 0, [logRecordAt(0, 50)]);
      await mustFail(
        'LOG_ORDER',
        () => log.append(TOPIC, 0, [logRecordAt(1, 60), logRecordAt(2, 59)]),
        'a decrease within an append',
      );
      mustEqual(await log.append(TOPIC, 0, [logRecordAt(1, 50)]), 1, 'an equal ingest time, after the refused append');
      mustEqual(await log.append(TOPIC, 0, [logRecordAt(2, 20)]), 2, 'an earlier ingest time');
      mustEqual(await log.append(TOPIC, 0, [logRecordAt(3, 30)]), 3, 'the clock goes on from there');
      mustEqual(await log.append(TOPIC, 0, [logRecordAt(4, 70)]), 4, 'and passes the largest');
      const found = await Promise.all([20, 50, 51, 71].map((time) => log.offsetAtIngest(TOPIC, 0, time)));
      mustEqual(found, [0, 0, 4, 5], 'the first offset at or after an instant, whatever follows it');
      const { records } = await log.read(TOPIC, 0, 0, 10);
      mustEqual(
        records.map(({ ingestTs }) => ingestTs),
        [50, 50, 20, 30, 70],
        'ingest times as they were appended',
      );
      mustEqual(await log.append(TOPIC, 1, [logRecordAt(2, 10)]), 0, 'another partition has a time of its own');
      await log.close();
    },
  },
  {
    rule: 5,
    name: 'acknowledged appends are there when the log is opened again',
    needs: ['durable'],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 1);
      await log.append(TOPIC, 0, recordsAt(0, 50));
      await log.close();
      const again = await subject.open();
      await again.openTopic(TOPIC, 1);
      mustEqual((await again.read(TOPIC, 0, 0, 100)).records, recordsAt(0, 50), 'records');
      mustEqual(await again.append(TOPIC, 0, recordsAt(50, 51)), 50, 'the next offset');
      await mustFail('LOG_PARTITIONS', () => again.openTopic(TOPIC, 3), 'another number of partitions');
      await again.close();
    },
  },
  {
    rule: 6,
    name: "a reader's position is its last commit; null before the first",
    needs: [],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 2);
      mustEqual(await log.committed('a/b', TOPIC), null, 'before the first');
      await log.commit('a/b', TOPIC, [1, 2]);
      await log.commit('a/b', TOPIC, [3, 4]);
      await log.commit('c', TOPIC, [9, 9]);
      mustEqual(await log.committed('a/b', TOPIC), [3, 4], 'the last one');
      await log.close();
    },
  },
  {
    rule: 6,
    name: "a reader's position survives",
    needs: ['durable'],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 1);
      await log.commit('reader', TOPIC, [7]);
      await log.close();
      const again = await subject.open();
      await again.openTopic(TOPIC, 1);
      mustEqual(await again.committed('reader', TOPIC), [7], 'position');
      await again.close();
    },
  },
  {
    rule: 7,
    name: 'retention drops old records, never those to keep',
    needs: [],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 1);
      for (let i = 0; i < 6_000; i += 500) await log.append(TOPIC, 0, recordsAt(i, i + 500));
      await log.retain(TOPIC, {
        olderThanIngestTs: Number.NEGATIVE_INFINITY,
        maxBytes: Number.POSITIVE_INFINITY,
        keepFrom: [6_000],
      });
      mustEqual((await log.ends(TOPIC))[0].begin, 0, 'nothing is old, nothing too large');
      await log.retain(TOPIC, {
        olderThanIngestTs: Number.POSITIVE_INFINITY,
        maxBytes: Number.POSITIVE_INFINITY,
        keepFrom: [2_500],
      });
      const [{ begin }] = await log.ends(TOPIC);
      if (begin === 0 || begin > 2_500)
        throw new Error(`the log begins at ${begin}: something old should be gone, nothing from 2,500 on`);
      mustEqual((await log.read(TOPIC, 0, 2_500, 1)).records, [logRecordAt(2_500)], 'what is to be kept');
      await log.retain(TOPIC, { olderThanIngestTs: Number.POSITIVE_INFINITY, maxBytes: 0, keepFrom: [6_000] });
      const [{ end, lastIngestTs }] = await log.ends(TOPIC);
      mustEqual([end, lastIngestTs], [6_000, 6_999], 'the end, when all may go');
      await log.close();
    },
  },
  {
    rule: 8,
    name: 'a second writer is rejected',
    needs: ['oneWriter'],
    run: async (subject) => {
      const log = await subject.open();
      await mustFail('LOG_LOCKED', () => subject.open(), 'opening twice');
      await log.close();
      await (await subject.open()).close();
    },
  },
  {
    rule: 9,
    name: 'offsetAtIngest returns the first offset at or after the instant',
    needs: [],
    run: async (subject) => {
      const log = await subject.open();
      await log.openTopic(TOPIC, 1);
      const times = [10, 10, 20, 20, 20, 35];
      for (const [i, time] of times.entries()) await log.append(TOPIC, 0, [logRecordAt(i, time)]);
      const asked = [Number.NEGATIVE_INFINITY, 10, 11, 20, 21, 35, 36];
      const found = await Promise.all(asked.map((time) => log.offsetAtIngest(TOPIC, 0, time)));
      mustEqual(found, [0, 0, 2, 2, 5, 5, 6], 'offsets');
      await log.close();
    },
  },
  {
    rule: 10,
    name: 'blank keeps offset and ingest time of the chosen records, and everything of all others, also after a restart',
    needs: ['blank'],
    run: async (subject) => {
      let log = await subject.open();
      if (log.blank === undefined) throw new Error('the log has no blank');
      await log.openTopic(TOPIC, 2);
      for (let i = 0; i < 900; i += 30) await log.append(TOPIC, 0, recordsAt(i, i + 30));
      await log.append(TOPIC, 1, recordsAt(0, 10));
      const chosen = (record: LogRecord, offset: number) => offset < 600 && record.id.endsWith('7');
      const blanking = log.blank(TOPIC, 0, chosen);
      await log.append(TOPIC, 0, [logRecordAt(907)]);
      mustEqual(await blanking, 60, 'records found');
      mustEqual(await log.blank?.(TOPIC, 0, chosen), 0, 'records found again');
      const wanted = [...recordsAt(0, 900), logRecordAt(907)].map((record, offset) =>
        chosen(record, offset) ? { id: '', ts: 0, ingestTs: record.ingestTs, payload: new Uint8Array(0) } : record,
      );
      const check = async (when: string) => {
        mustEqual((await log.read(TOPIC, 0, 0, 1_000)).records, wanted, `records ${when}`);
        mustEqual((await log.read(TOPIC, 1, 0, 1_000)).records, recordsAt(0, 10), `another partition ${when}`);
        mustEqual(await log.offsetAtIngest(TOPIC, 0, 1_317), 317, `the offset of an ingest time ${when}`);
      };
      await check('at once');
      await log.append(TOPIC, 0, [logRecordAt(1_000)]);
      wanted.push(logRecordAt(1_000));
      await check('after an append');
      if (log.capabilities.durability === 'memory') return;
      await log.close();
      log = await subject.open();
      await log.openTopic(TOPIC, 2);
      await check('when it is opened again');
      await log.close();
    },
  },
  {
    rule: 11,
    name: 'restamp changes ingest times and nothing else, also after a restart',
    needs: ['blank'],
    run: async (subject) => {
      let log = await subject.open();
      if (log.restamp === undefined) throw new Error('the log has no restamp');
      await log.openTopic(TOPIC, 1);
      const ahead = (i: number) => i >= 300 && i < 330;
      const all = Array.from({ length: 600 }, (_, i) => logRecordAt(i, ahead(i) ? 900_000 : 1_000 + i));
      for (let i = 0; i < all.length; i += 10) await log.append(TOPIC, 0, all.slice(i, i + 10));
      const right = (i: number) => (i % 2 === 0 ? 1_000 + i : 999);
      const stampOf = ({ ingestTs }: LogRecord, offset: number) => (ahead(offset) ? right(offset) : ingestTs);
      mustEqual(await log.restamp(TOPIC, 0, stampOf), 30, 'records that changed');
      mustEqual(await log.restamp(TOPIC, 0, stampOf), 0, 'records that changed the second time');
      const wanted = all.map((record, i) => (ahead(i) ? { ...record, ingestTs: right(i) } : record));
      for (const when of ['then', 'after a restart']) {
        mustEqual((await log.read(TOPIC, 0, 0, 1_000)).records, wanted, `the records ${when}`);
        mustEqual(await log.offsetAtIngest(TOPIC, 0, 1_331), 331, `the offset of an ingest time ${when}`);
        mustEqual(
          (await log.ends(TOPIC))[0].lastIngestTs,
          when === 'then' ? 1_599 : 1_600,
          `the last ingest time ${when}`,
        );
        if (when === 'then') mustEqual(await log.append(TOPIC, 0, [logRecordAt(600)]), 600, 'the next append');
        if (when === 'then') wanted.push(logRecordAt(600));
        mustEqual((await log.ends(TOPIC))[0].end, 601, `the end ${when}`);
        if (when === 'after a restart') break;
        await log.close();
        log = await subject.open();
        await log.openTopic(TOPIC, 1);
        if ((await log.ends(TOPIC))[0].end === 0) return;
      }
      await log.close();
    },
  },
  {
    rule: 12,
    name: 'a topic without a record begins at later offsets, also after a restart',
    needs: ['beginAt'],
    run: async (subject) => {
      let log = await subject.open();
      if (log.beginAt === undefined) throw new Error('the log has no beginAt');
      await log.openTopic(TOPIC, 2);
      await log.beginAt(TOPIC, [7, 0]);
      await log.beginAt(TOPIC, [9, 0]);
      for (const when of ['then', 'after a restart']) {
        const ends = await log.ends(TOPIC);
        mustEqual(
          ends.map(({ begin, end }) => [begin, end]),
          [
            [9, 9],
            [0, 0],
          ],
          `ends ${when}`,
        );
        await log.close();
        log = await subject.open();
        await log.openTopic(TOPIC, 2);
      }
      mustEqual(await log.append(TOPIC, 0, recordsAt(0, 3)), 9, 'the first append');
      mustEqual(await log.append(TOPIC, 1, recordsAt(0, 1)), 0, 'the first append of the other partition');
      mustEqual((await log.read(TOPIC, 0, 9, 10)).records, recordsAt(0, 3), 'its records');
      await mustFail('LOG_TRIMMED', () => log.read(TOPIC, 0, 8, 1), 'a read before the begin');
      await log.close();
    },
  },
];
