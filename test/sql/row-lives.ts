import fc from 'fast-check';
import { partitionOf } from '../../src/base/hash/partition-of.ts';
import type { AggregateSpec, EventSourceData } from '../../src/features/define/declaration.ts';
import { int, sourceOf, text, viewOf } from './declare.ts';
import type { LoggedDelivery } from './duckdb.ts';
import { everyAggregate, extremes } from './streams.ts';

/** Random lives of rows, as the changes of a source, and a view over it. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A source of changes: rows have an id, a time and columns; `gone` says that an image is taken away. */
export function changesOf(columns: EventSourceData['columns'], rest: Partial<EventSourceData> = {}): EventSourceData {
  const own = {
    ...columns,
    row: { ...text, nullable: false },
    ts: { type: 'time', nullable: false },
    gone: { type: 'bool', nullable: false },
  } as const;
  return sourceOf(own, { changes: { id: 'row', time: 'ts', before: 'gone' }, ...rest });
}

export const retracting = (spec: AggregateSpec): AggregateSpec => ({ ...spec, retracts: true });

const columns = {
  key: text,
  i: int,
  l: everyOf('sum_l'),
  d: everyOf('sum_d'),
  f: everyOf('max_f'),
  b: everyOf('first_b'),
  t: text,
};
export const source = changesOf(columns, { name: 'rows', latenessMs: 20 * MINUTE, futureSkewMs: MINUTE });

function everyOf(name: string) {
  return everyAggregate.find((spec) => spec.name === name)?.inputType ?? text;
}

/** A cap would be met by different rows in tiles and windows, as with any other source: laws.test.ts holds that. */
const chosen =
  /^(events|count_b|share_b|sum_[id]|mean_l|var_pop_i|sd_sample_i|min_t|max_[lf]|first_t|last_l|last_3|distinct_t|approx_t|p50_i|top_2_t)$/;
const aggregates = everyAggregate.filter(({ name }) => chosen.test(name)).map(retracting);
export const view = viewOf(source, { key: 'key' }, aggregates, [
  { name: 'short', windowMs: 10 * MINUTE, hopMs: MINUTE },
  { name: 'long', windowMs: 3 * HOUR, hopMs: 5 * MINUTE },
  { name: 'ever', windowMs: null, hopMs: 5 * MINUTE },
]);

const image = fc.record({
  key: fc.constantFrom('a', 'b'),
  ts: fc.integer({ min: -30, max: 60 }).map((at) => at * 20_000),
  i: fc.option(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom(Number.MAX_SAFE_INTEGER, 3e15, -3e15))),
  l: fc.option(fc.oneof(fc.bigInt(-(2n ** 58n), 2n ** 58n), fc.constantFrom(...extremes))),
  d: fc.option(fc.oneof(fc.bigInt(-999n, 999n), fc.constantFrom(...extremes))),
  f: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0)),
  b: fc.option(fc.boolean()),
  t: fc.option(fc.constantFrom('', 'a', 'é', '🙂')),
});

/** The lives of rows: put in, put in twice, changed, taken away; deliveries come late, early, twice, and one before the other. */
export const lives = fc
  .array(
    fc.record({
      images: fc.array(fc.record({ image, at: fc.integer({ min: 0, max: 50 * MINUTE }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      deleted: fc.boolean(),
      delays: fc.array(fc.constantFrom(0, 0, 1, 5 * MINUTE, 20 * MINUTE, 20 * MINUTE + 1), {
        minLength: 7,
        maxLength: 7,
      }),
      again: fc.boolean(),
      twice: fc.boolean(),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((rows) => {
    const changes = rows.flatMap(({ images, deleted, delays, again, twice }, r) => {
      const states = images.toSorted((a, b) => a.at - b.at);
      const own = states.flatMap(({ image: state, at }, s) => [
        ...(s === 0 ? [] : [{ state: states[s - 1].image, at, gone: true }]),
        { state, at, gone: false },
      ]);
      const last = states[states.length - 1];
      if (deleted) own.push({ state: last.image, at: last.at + MINUTE, gone: true });
      // A snapshot sends the same image as its own change.
      if (twice) own.push({ state: states[0].image, at: states[0].at, gone: false });
      const sent = own.map((change, c) => ({
        ...change,
        row: `r${r}`,
        id: `r${r}.${c}`,
        ingestTs: change.at + delays[c],
      }));
      return again ? [...sent, { ...sent[0], ingestTs: sent[0].ingestTs + 2 * MINUTE }] : sent;
    });
    const offsets = [0, 0];
    return changes
      .toSorted((a, b) => a.ingestTs - b.ingestTs)
      .map(({ state, at, gone, row, id, ingestTs }): LoggedDelivery => {
        const partition = partitionOf(id, 2);
        offsets[partition] += 1;
        const { key, ts, i, l, d, f, b, t } = state;
        return {
          id,
          ts: at,
          ingestTs,
          row: [id, at, key, i, l, d, f, b, t, row, ts, gone],
          partition,
          offset: offsets[partition],
        };
      });
  });
