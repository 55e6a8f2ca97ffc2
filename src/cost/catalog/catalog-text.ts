import { compareText } from '../../base/text-order.ts';
import type { PriceDiff } from './diff-prices.ts';
import { discountStatistics, withoutSpotMarket } from './flag-offers.ts';
import { type Offer, offerName, usableSpotUsd } from './offer.ts';
import { ageOf, type PriceImport } from './price-store.ts';

const usd = (value: number | null) => (value === null ? 'no price' : `${value.toFixed(2)} USD`);

/** An import in lines: source, age, flags, discounts. */
export function importText(prices: PriceImport, nowMs: number): string {
  const { days, state } = ageOf(prices, nowMs);
  const flags = new Map<string, number>();
  for (const { flags: own } of prices.offers) for (const flag of own) flags.set(flag, (flags.get(flag) ?? 0) + 1);
  const market = withoutSpotMarket(prices.offers);
  return [
    `${prices.offers.length} offers from ${prices.source}${prices.commit === null ? '' : ` at ${prices.commit.slice(0, 12)}`}, digest ${prices.digest.slice(0, 16)}, ${days.toFixed(1)} days old${state === 'fine' ? '' : ` (${state})`}`,
    ...[...flags].sort(([a], [b]) => compareText(a, b)).map(([flag, count]) => `  ${flag}: ${count}`),
    ...market.map((provider) => `  ${provider} has no spot market: both prices are equal in every row`),
    '  spot discounts by instance type over zones (floor prices left out):',
    ...discountStatistics(prices.offers).map(
      ({ instance, zones, min, median, max, within60To90 }) =>
        `    ${instance}: ${[min, median, max].map((one) => `${Math.max(0, 100 * one).toFixed(0)} %`).join(' / ')} (least, median, most), ${within60To90} of ${zones} zones at 60–90 %`,
    ),
    'note: a list of zones is not capacity: ask for a quota before you count on it',
  ].join('\n');
}

/** Offers as lines, the cheapest first. */
export function offersText(offers: readonly Offer[]): string {
  const perGpu = (one: Offer) => (one.onDemandUsd ?? Number.POSITIVE_INFINITY) / one.count;
  return offers
    .toSorted((a, b) => perGpu(a) - perGpu(b))
    .map((one) => {
      const spot = usableSpotUsd(one);
      const spotText = spot === null ? 'no usable spot price' : `spot ${usd(spot)}`;
      return `${offerName(one)}: ${one.count} × ${one.accelerator}, ${usd(one.onDemandUsd)}/h, ${spotText}${one.flags.length === 0 ? '' : ` [${one.flags.join(' ')}]`}`;
    })
    .join('\n');
}

/** The changes between two imports, the largest first. */
export function diffText({ added, removed, changed, unchanged }: PriceDiff): string {
  const lines = changed
    .toSorted((a, b) => Math.abs(b.change ?? Number.POSITIVE_INFINITY) - Math.abs(a.change ?? Number.POSITIVE_INFINITY))
    .map(
      ({ offer, what, before, after, change }) =>
        `  ${offer} ${what}: ${usd(before)} → ${usd(after)}${change === null ? '' : ` (${change > 0 ? '+' : ''}${(100 * change).toFixed(1)} %)`}`,
    );
  return [
    `${changed.length} prices changed, ${added.length} offers are new, ${removed.length} are gone, ${unchanged} are the same`,
    ...lines,
    ...added.map((name) => `  new: ${name}`),
    ...removed.map((name) => `  gone: ${name}`),
  ].join('\n');
}
