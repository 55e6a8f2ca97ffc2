import { type Offer, offerName } from './offer.ts';

/** The changes between two imports. Changes of prices are new / old − 1. */
export interface PriceDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly {
    readonly offer: string;
    readonly what: 'on demand' | 'spot';
    readonly before: number | null;
    readonly after: number | null;
    readonly change: number | null;
  }[];
  readonly unchanged: number;
}

/** Compares two lists of offers by their names. */
export function diffPrices(before: readonly Offer[], after: readonly Offer[]): PriceDiff {
  const known = new Map(before.map((one) => [offerName(one), one]));
  const now = new Map(after.map((one) => [offerName(one), one]));
  const changed: PriceDiff['changed'][number][] = [];
  let unchanged = 0;
  for (const [name, one] of now) {
    const old = known.get(name);
    if (old === undefined) continue;
    const from = changed.length;
    for (const [what, a, b] of [
      ['on demand', old.onDemandUsd, one.onDemandUsd],
      ['spot', old.spotUsd, one.spotUsd],
    ] as const)
      if (a !== b)
        changed.push({ offer: name, what, before: a, after: b, change: a === null || b === null ? null : b / a - 1 });
    if (changed.length === from) unchanged += 1;
  }
  return {
    added: [...now.keys()].filter((name) => !known.has(name)),
    removed: [...known.keys()].filter((name) => !now.has(name)),
    changed,
    unchanged,
  };
}
