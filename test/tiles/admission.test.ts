import fc from 'fast-check';
import { expect, test } from 'vitest';
import { floorTo } from '../../src/base/time.ts';
import { Admission } from '../../src/features/engine/admission.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { isClosed, logClock } from '../../src/features/engine/tile-closing.ts';
import { anyStream, type LoggedDelivery } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';
import { acceptedDeliveries } from '../../src/testing/oracle/naive-scan.ts';
import { golden } from './golden-view.ts';

const anyLog = anyView.chain((view) => fc.tuple(fc.constant(view), anyStream(view, 60)));

function delivery(id: string, ts: number, ingestTs: number): Delivery {
  return { id, ts, ingestTs, row: [] };
}

const rule = { latenessMs: 600, futureSkewMs: 60 };

test('lateness and future skew are accepted at equality and refused one millisecond beyond', () => {
  const admission = new Admission(rule);
  expect(admission.judge(delivery('a', 1000, 1600), 0)).toBe('accepted');
  expect(admission.judge(delivery('b', 1000, 1601), 0)).toBe('late');
  expect(admission.judge(delivery('c', 2000, 1940), 0)).toBe('accepted');
  expect(admission.judge(delivery('d', 2000, 1939), 0)).toBe('future');
  expect(admission.counters).toEqual({ accepted: 2, duplicate: 0, future: 1, late: 1 });
});

test('the first delivery in log order counts, also where a later one is stamped earlier', () => {
  const admission = new Admission(rule);
  expect(admission.judge(delivery('a', 1000, 1200), 0)).toBe('accepted');
  expect(admission.judge(delivery('a', 1000, 1100), 0)).toBe('duplicate');
  expect(admission.judge(delivery('a', 1000, 1300), 0)).toBe('duplicate');
});

test('a delivery that is refused or late leaves its id free for one that counts', () => {
  const admission = new Admission(rule);
  expect(admission.judge(delivery('a', 1000, 900), 0)).toBe('future');
  expect(admission.judge(delivery('a', 1, 990), 0)).toBe('late');
  expect(admission.judge(delivery('a', 1000, 990), 0)).toBe('accepted');
  expect(admission.judge(delivery('a', 1000, 995), 0)).toBe('duplicate');
  expect(admission.judge(delivery('a', 1, 996), 0)).toBe('duplicate');
});

test('ids of different partitions are remembered by the clock of their own partition', () => {
  const admission = new Admission(rule);
  expect(admission.judge(delivery('a', 1000, 1000), 0)).toBe('accepted');
  for (let i = 0; i < 20; i += 1) admission.judge(delivery(`b${i}`, 10_000 * i, 10_000 * i), 1);
  expect(admission.judge(delivery('a', 1000, 1500), 0)).toBe('duplicate');
});

test('a bounded memory of ids accepts what an unbounded one does', () => {
  fc.assert(
    fc.property(anyLog, ([view, log]) => {
      const accepted = new Set<Delivery>(acceptedDeliveries(view, log));
      for (const admission of [new Admission(view.source), new Admission(view.source, Number.POSITIVE_INFINITY)]) {
        for (const one of log) {
          expect(admission.judge(one, one.partition) === 'accepted').toBe(accepted.has(one));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('after a restart that remembers the ids of the memory, judgement continues as if there had been none', () => {
  const anyCase = anyLog.chain(([view, log]) =>
    fc.tuple(fc.constant(view), fc.constant(log), fc.nat({ max: log.length })),
  );
  fc.assert(
    fc.property(anyCase, ([view, log, cut]) => {
      const whole = new Admission(view.source);
      const verdicts = log.map((one) => whole.judge(one, one.partition) === 'accepted');
      const restarted = new Admission(view.source);
      for (const one of log.slice(0, cut)) {
        const last = Math.max(...partitionOf(log.slice(0, cut), one.partition).map(({ ingestTs }) => ingestTs));
        if (one.ingestTs >= last - restarted.memoryMs) restarted.remember(one, one.partition);
      }
      const rest = log.slice(cut).map((one) => restarted.judge(one, one.partition) === 'accepted');
      expect(rest).toEqual(verdicts.slice(cut));
    }),
    { numRuns: 500 },
  );
});

test('delivery-faults golden: the counters of an unbounded memory, and the same accepted events of the bounded one', () => {
  const data = golden<{
    lateness_ms: number;
    future_skew_ms: number;
    counters: Record<string, number>;
    deliveries: { id: string; ts: number; ingest_ts: number }[];
  }>('delivery_faults_golden');
  const source = { latenessMs: data.lateness_ms, futureSkewMs: data.future_skew_ms };
  const unbounded = new Admission(source, Number.POSITIVE_INFINITY);
  const bounded = new Admission(source);
  const deliveries = data.deliveries.map(({ id, ts, ingest_ts }) => delivery(id, ts, ingest_ts));
  const verdicts = deliveries.map((one) => unbounded.judge(one, 0));
  const { accepted, duplicate, future, late } = unbounded.counters;
  expect({
    deliveries: accepted + duplicate + future + late,
    distinct_ids: new Set(deliveries.map(({ id }) => id)).size,
    duplicates: duplicate,
    future,
    late,
    accepted,
  }).toEqual(data.counters);
  expect(deliveries.map((one) => bounded.judge(one, 0) === 'accepted')).toEqual(verdicts.map((v) => v === 'accepted'));
});

test('no accepted event belongs to a tile that was closed before it came', () => {
  let closed = 0;
  fc.assert(
    fc.property(anyLog, ([view, log]) => {
      const monotone = log.filter((one, i) =>
        log.slice(0, i).every((other) => other.partition !== one.partition || other.ingestTs <= one.ingestTs),
      );
      const accepted = new Set<Delivery>(acceptedDeliveries(view, monotone));
      const partitions = new Set(monotone.map(({ partition }) => partition)).size;
      const last: number[] = new Array(partitions).fill(Number.NEGATIVE_INFINITY);
      const names = [...new Set(monotone.map(({ partition }) => partition))];
      for (const one of monotone) {
        const clock = logClock(last);
        for (const hopMs of view.hopsMs) {
          const start = floorTo(one.ts, hopMs);
          if (!isClosed(view.source, start, hopMs, clock)) continue;
          closed += 1;
          expect(accepted.has(one)).toBe(false);
        }
        last[names.indexOf(one.partition)] = one.ingestTs;
      }
    }),
    { numRuns: 500 },
  );
  expect(closed).toBeGreaterThan(0);
});

test('a tile closes at the millisecond from which all its events are late', () => {
  const view = { latenessMs: 600, futureSkewMs: 60 } as const;
  const source = { ...view, kind: 'eventSource', name: 's', version: 1, id: 'id', time: 'at', columns: {} } as const;
  expect(isClosed(source, 0, 1000, 1599)).toBe(false);
  expect(isClosed(source, 0, 1000, 1600)).toBe(true);
  expect(new Admission(view).judge(delivery('a', 999, 1599), 0)).toBe('accepted');
  expect(new Admission(view).judge(delivery('a', 999, 1600), 0)).toBe('late');
  expect(logClock([])).toBe(Number.NEGATIVE_INFINITY);
  expect(logClock([5, Number.NEGATIVE_INFINITY])).toBe(Number.NEGATIVE_INFINITY);
});

function partitionOf(log: readonly LoggedDelivery[], partition: number): readonly LoggedDelivery[] {
  return log.filter((one) => one.partition === partition);
}
