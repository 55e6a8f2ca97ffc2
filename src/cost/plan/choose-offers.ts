import { fail } from '../../base/errors/fail.ts';
import { type Offer, offerName, usableSpotUsd } from '../catalog/offer.ts';
import { type Job, nodesOf } from './job.ts';

/** The offers of a plan: today's, and others for the same nodes. Prices in USD for a node and an hour. */
export interface ChosenOffers {
  readonly today: { readonly name: string; readonly usd: number };
  /** Spot with the price on demand of the same offer: a run stays with one provider. `moveUsd`: to bring the data there. */
  readonly spot: {
    readonly name: string;
    readonly usd: number;
    readonly onDemandUsd: number;
    readonly moveUsd: number;
  } | null;
  /** Why there is no spot. */
  readonly noSpot: string;
  readonly cheapest: { readonly name: string; readonly usd: number } | null;
  readonly notes: readonly string[];
}

const BILL_TOLERANCE = 0.05;

/**
 * Finds today's price and the cheapest offers for the same nodes. A price of spot with a doubt is used only where the job names its
 * offer. Errors: COST_JOB without a price, for an unknown offer, or where the bill contradicts hours and price.
 */
export function chooseOffers(job: Job, offers: readonly Offer[]): ChosenOffers {
  const fitting = offers.filter(
    ({ accelerator, count }) => accelerator === job.accelerator && count === job.gpusPerNode,
  );
  const named = job.offer === undefined ? undefined : offers.find((one) => offerName(one) === job.offer);
  if (job.offer !== undefined && named === undefined)
    throw fail('COST_JOB', { reason: `no imported price is of the offer ${job.offer}` });
  const today = todayOf(job, named, fitting);
  const notes = [...today.notes];
  checkBill(job, today.usd);
  if (named?.quotaGpus !== null && named?.quotaGpus !== undefined && named.quotaGpus < job.gpus)
    throw fail('COST_JOB', {
      reason: `the offer ${offerName(named)} has a quota of ${named.quotaGpus} GPUs, and the job needs ${job.gpus}`,
    });
  const cheapest = leastBy(fitting, ({ onDemandUsd }) => onDemandUsd);
  const doubtful = named !== undefined && named.spotUsd !== null && usableSpotUsd(named) === null;
  if (doubtful)
    notes.push(`the spot price of ${offerName(named)} is used because the job names it: ${named.flags.join(', ')}`);
  return {
    today: { name: today.name, usd: today.usd },
    ...spotOf(job, named, fitting, today),
    cheapest: cheapest === undefined ? null : { name: offerName(cheapest.offer), usd: cheapest.usd },
    notes: [...notes, 'a list of zones is not capacity: ask for a quota'],
  };
}

function todayOf(job: Job, named: Offer | undefined, fitting: readonly Offer[]) {
  if (job.onDemandUsd !== undefined)
    return { name: job.offer ?? 'the price of the job', usd: job.onDemandUsd, offer: named, notes: [] };
  if (named !== undefined) {
    if (named.onDemandUsd === null)
      throw fail('COST_JOB', { reason: `the offer ${offerName(named)} has no price on demand` });
    return { name: offerName(named), usd: named.onDemandUsd, offer: named, notes: [] };
  }
  const cheapest = leastBy(fitting, ({ onDemandUsd }) => onDemandUsd);
  if (cheapest === undefined)
    throw fail('COST_JOB', {
      reason: `no price of ${job.gpusPerNode} × ${job.accelerator} is known: import prices, or state onDemandUsd`,
    });
  return {
    name: offerName(cheapest.offer),
    usd: cheapest.usd,
    offer: cheapest.offer,
    notes: ['the job names no offer: the cheapest price on demand is taken for the one of today'],
  };
}

function checkBill({ billUsd, hours, ...job }: Job, usd: number): void {
  const nodes = nodesOf(job);
  const expected = hours * nodes * usd;
  if (billUsd !== undefined && Math.abs(billUsd / expected - 1) > BILL_TOLERANCE)
    throw fail('COST_JOB', {
      reason: `its bill of ${billUsd.toFixed(2)} USD contradicts ${hours} h × ${nodes} nodes × ${usd.toFixed(2)} USD = ${expected.toFixed(2)} USD`,
    });
}

type Spot = Pick<ChosenOffers, 'spot' | 'noSpot'>;

function spotOf(
  job: Job,
  named: Offer | undefined,
  fitting: readonly Offer[],
  today: { readonly usd: number; readonly name: string; readonly offer: Offer | undefined },
): Spot {
  const noSpot = 'no usable price of spot is known for these nodes';
  const own = (usd: number, name: string, onDemandUsd: number): Spot => ({
    spot: { name, usd, onDemandUsd, moveUsd: 0 },
    noSpot,
  });
  if (job.spotUsd !== undefined) return own(job.spotUsd, job.offer ?? 'the price of the job', today.usd);
  if (named?.spotUsd !== null && named?.spotUsd !== undefined)
    return own(named.spotUsd, offerName(named), named.onDemandUsd ?? today.usd);
  const moved = fitting.flatMap((offer) => {
    const usd = usableSpotUsd(offer);
    const moveUsd = moveUsdOf(job, today.offer, offer);
    // Without a price on demand of the same offer a run could not stay there.
    if (usd === null || moveUsd === null || offer.onDemandUsd === null) return [];
    return [{ name: offerName(offer), usd, onDemandUsd: offer.onDemandUsd, moveUsd }];
  });
  const least = moved.toSorted((a, b) => runUsd(job, a) - runUsd(job, b))[0];
  if (least !== undefined) return { spot: least, noSpot };
  const elsewhere = leastBy(fitting, usableSpotUsd);
  return {
    spot: null,
    noSpot:
      elsewhere === undefined
        ? noSpot
        : `spot is priced at ${offerName(elsewhere.offer)} alone, and a run stays with one provider: state dataGib to price the move`,
  };
}

/** The job on spot alone, with the move: what offers of spot are compared by. */
function runUsd(job: Job, { usd, moveUsd }: { readonly usd: number; readonly moveUsd: number }): number {
  return job.hours * nodesOf(job) * usd + moveUsd;
}

/** The price to bring the data from the offer of today; null where that is another provider, and the size of the data is not known. */
function moveUsdOf({ dataGib, egressUsdPerGib }: Job, today: Offer | undefined, there: Offer): number | null {
  if (today === undefined || today.provider === there.provider) {
    const stays = today === undefined || today.region === there.region;
    return stays || dataGib === undefined ? 0 : dataGib * egressUsdPerGib;
  }
  return dataGib === undefined ? null : dataGib * egressUsdPerGib;
}

function leastBy(offers: readonly Offer[], priceOf: (offer: Offer) => number | null) {
  let best: { readonly offer: Offer; readonly usd: number } | undefined;
  for (const offer of offers) {
    const usd = priceOf(offer);
    if (usd !== null && (best === undefined || usd < best.usd)) best = { offer, usd };
  }
  return best;
}
