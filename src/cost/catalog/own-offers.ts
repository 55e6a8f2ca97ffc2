import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { csvFields, linesOf } from '../../gpu/readers/csv.ts';
import type { DraftOffer } from './offer.ts';

const positive = z.number().positive().finite();

/** An offer of a contract, or of machines that are owned. */
const ownOffer = z
  .strictObject({
    provider: z.string().min(1).max(100),
    instanceType: z.string().min(1).max(200),
    accelerator: z.string().min(1).max(100),
    count: z.int().min(1).max(1024),
    gpuMemoryGib: positive.optional(),
    region: z.string().min(1).max(100),
    zone: z.string().min(1).max(100).optional(),
    currency: z.string().length(3).default('USD'),
    /** USD for one unit of another currency. */
    usdPerUnit: positive.optional(),
    /** Price of an instance and an hour by contract. */
    onDemandPerHour: positive.optional(),
    spotPerHour: positive.optional(),
    /** Of owned machines: purchase, housing and people, spread over the hours of use, for one accelerator. */
    amortisedPerGpuHour: positive.optional(),
    /** Power of an accelerator with its share of the host, and the price of a kilowatt-hour with cooling. */
    wattsPerGpu: positive.optional(),
    pricePerKwh: positive.optional(),
    quotaGpus: z.int().min(0).optional(),
  })
  .refine(
    ({ onDemandPerHour, spotPerHour, amortisedPerGpuHour }) =>
      [onDemandPerHour ?? spotPerHour, amortisedPerGpuHour].filter((price) => price !== undefined).length === 1,
    'it needs onDemandPerHour or spotPerHour, or else amortisedPerGpuHour',
  )
  .refine(
    ({ wattsPerGpu, pricePerKwh }) => (wattsPerGpu === undefined) === (pricePerKwh === undefined),
    'wattsPerGpu and pricePerKwh go together',
  )
  .refine(
    ({ currency, usdPerUnit }) => (currency === 'USD') === (usdPerUnit === undefined),
    'another currency than USD needs usdPerUnit, and USD must not have it',
  );

const ownFile = z.strictObject({ version: z.literal(1), offers: z.array(ownOffer).min(1).max(100_000) });

/** `{"version": 1, "offers": [{…}]}`. Errors: COST_PRICES. */
export function parseOwnJson(path: string, text: string): readonly DraftOffer[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw fail('COST_PRICES', { path, reason: 'it is not whole JSON' }, error);
  }
  const parsed = ownFile.safeParse(file);
  if (!parsed.success) throw fail('COST_PRICES', { path, reason: reasonOf(parsed.error) });
  return parsed.data.offers.map(draftOf);
}

/** The same members as columns of a CSV file. Errors: COST_PRICES. */
export function parseOwnCsv(path: string, text: string): readonly DraftOffer[] {
  const [header = '', ...lines] = linesOf(text);
  const columns = csvFields(header.replace(/^\uFEFF/, '')).map((name) => name.trim());
  const offers = lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const cells = csvFields(line);
    if (cells.length !== columns.length)
      throw fail('COST_PRICES', {
        path,
        reason: `line ${index + 2} has ${cells.length} cells, and the header ${columns.length}`,
      });
    const entries = columns.flatMap((name, at): readonly (readonly [string, unknown])[] => {
      const cell = cells[at]?.trim() ?? '';
      if (cell === '') return [];
      return [[name, texts.includes(name) ? cell : Number(cell)]];
    });
    const parsed = ownOffer.safeParse(Object.fromEntries(entries));
    if (!parsed.success) throw fail('COST_PRICES', { path, reason: `line ${index + 2}: ${reasonOf(parsed.error)}` });
    return [draftOf(parsed.data)];
  });
  if (offers.length === 0) throw fail('COST_PRICES', { path, reason: 'it holds no offer' });
  return offers;
}

const texts: readonly string[] = ['provider', 'instanceType', 'accelerator', 'region', 'zone', 'currency'];

function draftOf(own: z.output<typeof ownOffer>): DraftOffer {
  const { provider, instanceType, accelerator, count, region, zone, gpuMemoryGib, usdPerUnit = 1 } = own;
  const usd = (price: number | undefined) => (price === undefined ? null : price * usdPerUnit);
  const energy = (count * (own.wattsPerGpu ?? 0) * (own.pricePerKwh ?? 0)) / 1000;
  const owned = own.amortisedPerGpuHour === undefined ? undefined : own.amortisedPerGpuHour * count + energy;
  const onDemandUsd = usd(own.onDemandPerHour ?? owned);
  return {
    provider,
    instanceType,
    accelerator,
    count,
    gpuMemoryMibEach: gpuMemoryGib === undefined ? null : gpuMemoryGib * 1024,
    region,
    zone: zone ?? null,
    onDemandUsd,
    spotUsd: usd(own.spotPerHour),
    flags: [],
    perGpuUsd: onDemandUsd === null ? null : onDemandUsd / count,
    quotaGpus: own.quotaGpus ?? null,
  };
}

function reasonOf({ issues }: z.ZodError): string {
  const [first] = issues;
  return first === undefined ? 'it is not valid' : `${first.path.join('.') || 'an offer'}: ${first.message}`;
}
