import type { Offer } from '../catalog/offer.ts';
import { offerName } from '../catalog/offer.ts';
import { sameHardware } from '../evidence/hardware.ts';
import type { OtherHardware } from '../profile/read-trials.ts';

/** The cost of the job on another accelerator: measured there, at the cheapest price of it. */
export interface HardwareMove {
  readonly hardware: string;
  readonly offer: string;
  readonly usdPerNodeHour: number;
  /** Cost and time of today by those there. */
  readonly costGain: number;
  readonly timeGain: number;
}

/** Other hardware by its trial; null without one, or without a price of it. Kernels of one card say nothing of another: only a trial does. */
export function hardwareMove(
  trial: OtherHardware | null,
  offers: readonly Offer[],
  { gpusPerNode, todayUsd }: { readonly gpusPerNode: number; readonly todayUsd: number },
): HardwareMove | null {
  if (trial === null) return null;
  const priced = offers
    .flatMap((offer) => {
      const usd = offer.onDemandUsd;
      const fits = sameHardware(offer.accelerator, trial.hardware) && usd !== null;
      return fits ? [{ offer, usd: (usd / offer.count) * gpusPerNode }] : [];
    })
    .sort((a, b) => a.usd - b.usd)[0];
  if (priced === undefined) return null;
  return {
    hardware: trial.hardware,
    offer: offerName(priced.offer),
    usdPerNodeHour: priced.usd,
    costGain: todayUsd / (priced.usd * trial.sampleRatio),
    timeGain: 1 / trial.sampleRatio,
  };
}
