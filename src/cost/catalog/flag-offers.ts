import { medianOf } from '../../base/median.ts';
import { compareText } from '../../base/text-order.ts';
import type { DraftOffer, Offer, SanityFlag } from './offer.ts';

/** Spot from this share of the price on demand on is no discount: catalogues round to a cent. */
const NO_DISCOUNT = 0.999;

/** Adds the flags that follow from prices, and the discount of spot. Offers keep their order. */
export function flagOffers(drafts: readonly DraftOffer[]): readonly Offer[] {
  const medians = mediansOf(drafts);
  return drafts.map(({ perGpuUsd, ...draft }) => {
    const { onDemandUsd, spotUsd } = draft;
    const flags = new Set<SanityFlag>(draft.flags);
    const joined = !flags.has('HOST_ROW_MISSING') && !flags.has('ACCELERATOR_ROW_MISSING');
    if (joined && onDemandUsd === null) flags.add('ONDEMAND_MISSING');
    if (joined && spotUsd === null) flags.add('SPOT_MISSING');
    if (onDemandUsd !== null && spotUsd !== null) {
      if (spotUsd >= NO_DISCOUNT * onDemandUsd) flags.add('SPOT_GE_ONDEMAND');
      // A price of exactly a tenth is a floor that the provider prints where there is no market.
      if (Math.abs(spotUsd / onDemandUsd - 0.1) < 5e-4) flags.add('SPOT_FLOOR_10PCT');
    }
    const median = medians.get(groupOf(draft));
    if (perGpuUsd !== null && median !== undefined && (perGpuUsd < 0.5 * median || perGpuUsd > 2 * median))
      flags.add('PRICE_OUTLIER');
    return {
      ...draft,
      spotDiscount: onDemandUsd === null || spotUsd === null ? null : 1 - spotUsd / onDemandUsd,
      flags: [...flags].sort(compareText),
    };
  });
}

function groupOf({ provider, accelerator }: Pick<Offer, 'provider' | 'accelerator'>): string {
  return `${provider}/${accelerator}`;
}

/** The median price of one accelerator on demand, of each provider and accelerator. */
function mediansOf(drafts: readonly DraftOffer[]): ReadonlyMap<string, number> {
  const prices = new Map<string, number[]>();
  for (const draft of drafts) {
    if (draft.perGpuUsd === null) continue;
    const group = groupOf(draft);
    prices.set(group, [...(prices.get(group) ?? []), draft.perGpuUsd]);
  }
  return new Map([...prices].map(([group, values]) => [group, medianOf(values)]));
}

/** Providers that print the price on demand as spot in every row: they have no spot market. */
export function withoutSpotMarket(offers: readonly Offer[]): readonly string[] {
  const providers = [...new Set(offers.map(({ provider }) => provider))];
  return providers.filter((provider) => {
    const priced = offers.filter(
      (one) => one.provider === provider && one.onDemandUsd !== null && one.spotUsd !== null,
    );
    return priced.length > 1 && priced.every(({ onDemandUsd, spotUsd }) => onDemandUsd === spotUsd);
  });
}

/** Spot discounts of an instance type over its zones. Zones with a floor price are left out. */
export interface DiscountStatistics {
  readonly instance: string;
  readonly zones: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly within60To90: number;
  readonly zero: number;
}

/** Discounts by provider and instance type. */
export function discountStatistics(offers: readonly Offer[]): readonly DiscountStatistics[] {
  const groups = new Map<string, number[]>();
  for (const { provider, instanceType, spotDiscount, flags } of offers) {
    if (instanceType === null || spotDiscount === null || flags.includes('SPOT_FLOOR_10PCT')) continue;
    const instance = `${provider}/${instanceType}`;
    groups.set(instance, [...(groups.get(instance) ?? []), spotDiscount]);
  }
  return [...groups].map(([instance, values]) => ({
    instance,
    zones: values.length,
    min: Math.min(...values),
    median: medianOf(values),
    max: Math.max(...values),
    within60To90: values.filter((one) => one >= 0.6 && one <= 0.9).length,
    zero: values.filter((one) => one < 0.001).length,
  }));
}
