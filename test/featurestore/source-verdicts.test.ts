import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventSource, text, time } from '../../src/features/define/declare.ts';
import { Admission } from '../../src/features/engine/admission.ts';
import { topicOf } from '../../src/featurestore/ingest/gateway.ts';
import { SourceJudge } from '../../src/featurestore/materialise/source-judge.ts';
import { SourceVerdicts } from '../../src/featurestore/materialise/source-verdicts.ts';
import { UnreadableRecords } from '../../src/featurestore/materialise/unreadable-records.ts';
import type { LogRecord } from '../../src/ports/event-log.ts';
import type { RecordVerdict } from '../../src/ports/record-verdicts.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { MemoryEventLog } from '../memory/event-log.ts';

const LATENESS_MS = 2_000;
const START = 1_000_000;
const PARTITIONS = 2;
const source = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '2s',
  futureSkew: '1ms',
  columns: { id: text(), at: time() },
});
const topic = topicOf(source);
const { encode, decode } = rowCodec(source.columns);
const rowsOf = () => ({ encode: (row: Parameters<typeof encode>[0]) => encode(row), decode });

/** What is done to a log, its judge and a reader far behind or close by. */
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), id: fc.nat(11), afterMs: fc.nat(700) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('judge' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      back: fc.nat(30),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), back: fc.nat(30) }) },
);

/** The judge of the only source, at a position of the log. */
async function openJudge(log: MemoryEventLog, next: readonly number[] | null) {
  const box: { judge?: SourceJudge } = {};
  const judgedTo = () => box.judge?.stateOf(source).next ?? [];
  const verdicts = new SourceVerdicts({ log, rowsOf, sources: [source], judgedTo, most: 8 });
  const unreadable = new UnreadableRecords(() => undefined);
  const judge = new SourceJudge({
    log,
    sources: [source],
    rowsOf,
    layouts: [],
    clock: Date.now,
    sinks: [verdicts],
    unreadable,
  });
  box.judge = judge;
  await judge.open(next === null ? null : { [topic]: [...next] });
  const readAll = () =>
    judge.readLog((state, partition, _, deliveries) => void judge.apply(state, partition, deliveries));
  return { judge, readAll, reader: verdicts.readerOf(source) };
}

/** The rule over the whole log, and the first of each id, in other words. */
function wanted(records: readonly LogRecord[], partition: number): readonly RecordVerdict[] {
  const admission = new Admission(source, Number.POSITIVE_INFINITY);
  const accepted = new Map<string, number>();
  return records.map(({ id, ts, ingestTs }, offset): RecordVerdict => {
    if (id === '') return { verdict: 'blank' };
    const verdict = admission.judge({ id, ts, ingestTs, row: [id] }, partition);
    if (verdict === 'duplicate') return { verdict, first: accepted.get(id) ?? -1 };
    if (verdict === 'accepted') accepted.set(id, offset);
    return { verdict };
  });
}

test('a reader has the verdicts of the judge wherever it is, over restarts, and a repeat names the first', async () => {
  const run = fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 80 }), async (actions) => {
    const log = new MemoryEventLog();
    log.openTopic(topic, PARTITIONS);
    const sent: LogRecord[][] = Array.from({ length: PARTITIONS }, () => []);
    let now = START;
    let opened = await openJudge(log, null);
    for (const one of actions) {
      if (one.kind === 'send') {
        now += one.afterMs;
        const partition = one.id % PARTITIONS;
        // An event keeps its time; some come too late at once.
        const ts = START + one.id * 400 - (one.id % 5 === 0 ? LATENESS_MS : 0);
        const id = one.id === 7 ? '' : `e${one.id}`;
        const record = { id, ts: Math.min(ts, now), ingestTs: now, payload: encode([id, ts]) };
        sent[partition].push(record);
        log.append(topic, partition, [record]);
      } else if (one.kind === 'judge') await opened.readAll();
      else if (one.kind === 'restart') {
        const { next } = opened.judge.stateOf(source);
        opened = await openJudge(
          log,
          next.map((offset) => Math.max(0, offset - one.back)),
        );
      } else {
        for (let partition = 0; partition < PARTITIONS; partition += 1) {
          const to = opened.judge.stateOf(source).next[partition];
          const from = Math.max(0, to - one.back);
          const found = await opened.reader.of(partition, from, one.count);
          const right = wanted(sent[partition], partition).slice(from, Math.min(to, from + one.count));
          if (from < to) expect(found.length).toBeGreaterThan(0);
          for (const [i, verdict] of found.entries()) {
            // After the memory of ids a repeat is late.
            if (right[i].verdict === 'duplicate' && verdict.verdict === 'late') continue;
            expect(verdict).toEqual(right[i]);
          }
        }
      }
    }
  });
  await fc.assert(run, { numRuns: 300 });
});
