/** Doubts about a price, found on load. A flagged price of spot is not used unless its offer is named. */
export const sanityFlags = [
  'ACCELERATOR_ROW_MISSING',
  'COMPONENT_SPOT_GE_ONDEMAND',
  'GPU_MEMORY_UNIT_FIXED',
  'HOST_ROW_MISSING',
  'ONDEMAND_MISSING',
  'PRICE_OUTLIER',
  'SPOT_FLOOR_10PCT',
  'SPOT_GE_ONDEMAND',
  'SPOT_MISSING',
] as const;
export type SanityFlag = (typeof sanityFlags)[number];

/** One way to rent or own accelerators. Prices are USD for an instance and an hour; a missing price is null, never 0. */
export interface Offer {
  readonly provider: string;
  /** The instance type; null where only its accelerators are listed. */
  readonly instanceType: string | null;
  readonly accelerator: string;
  readonly count: number;
  readonly gpuMemoryMibEach: number | null;
  readonly region: string;
  readonly zone: string | null;
  readonly onDemandUsd: number | null;
  readonly spotUsd: number | null;
  /** 1 − spot / on demand. */
  readonly spotDiscount: number | null;
  readonly flags: readonly SanityFlag[];
  /** The most accelerators that the account may use at once; null where nothing says so. A list of zones is not capacity. */
  readonly quotaGpus: number | null;
}

/** An offer before its flags are computed: the prices that outliers are judged by. */
export interface DraftOffer extends Omit<Offer, 'flags' | 'spotDiscount'> {
  readonly flags: readonly SanityFlag[];
  /** On demand for one accelerator: of GCP the accelerator alone. */
  readonly perGpuUsd: number | null;
}

const harmless: readonly SanityFlag[] = ['GPU_MEMORY_UNIT_FIXED', 'SPOT_MISSING'];

/** The price of spot that may be used by default; null where it is missing or doubtful. */
export function usableSpotUsd({ spotUsd, flags }: Offer): number | null {
  return flags.every((flag) => harmless.includes(flag)) ? spotUsd : null;
}

/** `aws/us-east-1/use1-az1/p4d.24xlarge`: the name of an offer in plans and options. */
export function offerName({ provider, region, zone, instanceType, accelerator, count }: Offer): string {
  return [provider, region, ...(zone === null ? [] : [zone]), instanceType ?? `${accelerator}x${count}`].join('/');
}
