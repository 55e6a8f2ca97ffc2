import { medianOf } from '../../base/median.ts';
import { offerName, usableSpotUsd } from './offer.ts';
import type { PriceImport } from './price-store.ts';

/** The discounts of an offer over the imports that a store keeps. */
export interface SpotHistory {
  readonly offer: string;
  readonly imports: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Spot discounts per offer and zone over all imports; doubtful prices are left out. */
export function spotHistory(imports: readonly PriceImport[]): readonly SpotHistory[] {
  const discounts = new Map<string, number[]>();
  for (const { offers } of imports)
    for (const offer of offers) {
      if (usableSpotUsd(offer) === null || offer.spotDiscount === null) continue;
      const name = offerName(offer);
      discounts.set(name, [...(discounts.get(name) ?? []), offer.spotDiscount]);
    }
  return [...discounts].map(([offer, values]) => ({
    offer,
    imports: values.length,
    min: Math.min(...values),
    median: medianOf(values),
    max: Math.max(...values),
  }));
}
