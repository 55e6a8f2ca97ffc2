import fc from 'fast-check';
import type { StreamFeatureSpec, StreamViewData } from '../../features/define/declaration.ts';
import { anyAggregate, eventColumns } from './any-aggregate.ts';

const S = 1_000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

/** Hops that nest; those of 13 days and more pass 2^30 ms. */
const CHAINS: readonly (readonly number[])[] = [
  [5 * S],
  [M, 5 * M],
  [15 * S, M, 5 * M, H],
  [5 * M, H, D],
  [H, D, 13 * D],
  [D, 14 * D, 28 * D],
];

/** A random stream view over `eventColumns`: some aggregates, windows over nested hops, perhaps a TTL. */
export const anyView: fc.Arbitrary<StreamViewData> = fc
  .record({
    chain: fc.constantFrom(...CHAINS),
    aggregates: fc.uniqueArray(anyAggregate, { selector: ({ name }) => name, minLength: 1, maxLength: 6 }),
    windows: fc.array(fc.record({ hop: fc.nat(), hops: fc.option(fc.integer({ min: 1, max: 30 }), { freq: 4 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
    oneColumn: fc.boolean(),
    lateness: fc.integer({ min: 0, max: 20 }),
    skew: fc.integer({ min: 0, max: 3 }),
    ttl: fc.option(fc.integer({ min: 1, max: 100 }), { freq: 3, nil: null }),
  })
  .map(({ chain, aggregates, windows, oneColumn, lateness, skew, ttl }): StreamViewData => {
    const key = oneColumn ? ['tenant'] : ['tenant', 'user'];
    const [smallest] = chain;
    return {
      kind: 'streamView',
      name: 'view',
      version: 1,
      source: {
        kind: 'eventSource',
        name: 'events',
        version: 1,
        id: 'id',
        time: 'at',
        columns: eventColumns,
        latenessMs: lateness * smallest,
        futureSkewMs: skew * smallest,
      },
      entity: {
        kind: 'entity',
        name: 'key',
        key: Object.fromEntries(key.map((name) => [name, eventColumns[name === 'user' ? 'user' : 'tenant']])),
      },
      key: Object.fromEntries(key.map((name) => [name, name])),
      aggregates,
      features: windows.flatMap(({ hop, hops }, w) => {
        const hopMs = chain[hop % chain.length];
        return aggregates.map(
          ({ name, inputType }, aggregate): StreamFeatureSpec => ({
            name: `${name}_w${w}`,
            aggregate,
            windowMs: hops === null ? null : hops * hopMs,
            hopMs,
            type: inputType ?? { type: 'int', nullable: true },
          }),
        );
      }),
      hopsMs: chain,
      freshnessMs: S,
      ttlMs: ttl === null ? null : ttl * smallest,
    };
  });
