import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson } from '../../base/canonical-json.ts';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { compareText } from '../../base/text-order.ts';
import { sanityFlags } from './offer.ts';
import type { ReadPrices } from './read-prices.ts';

/** Where prices are kept, unless somebody says otherwise: below the folder of the process. */
export const PRICE_STORE = '.headrace/prices';

/** The version of the files of imported prices. */
const FORMAT = 1;

const price = z.number().positive().nullable();

const offer = z.strictObject({
  provider: z.string(),
  instanceType: z.string().nullable(),
  accelerator: z.string(),
  count: z.number().positive(),
  gpuMemoryMibEach: z.number().positive().nullable(),
  region: z.string(),
  zone: z.string().nullable(),
  onDemandUsd: price,
  spotUsd: price,
  spotDiscount: z.number().nullable(),
  flags: z.array(z.enum(sanityFlags)),
  quotaGpus: z.number().nullable(),
});

const priceFile = z.strictObject({
  kind: z.literal('headrace-prices'),
  format: z.literal(FORMAT),
  /** SHA-256 of the offers. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  source: z.string(),
  /** The commit of the checkout, where it was one. */
  commit: z.string().nullable(),
  /** When the prices were downloaded or committed, and when they were imported; epoch ms. */
  asOfMs: z.number(),
  importedAtMs: z.number(),
  schema: z.enum(['skypilot-v8', 'own-1', 'mixed']),
  offers: z.array(offer),
});

/** Prices as they are stored: with their digest, source and time. */
export type PriceImport = z.output<typeof priceFile>;

/** SHA-256 of offers, in lower-case hex. */
function digestOf(offers: ReadPrices['offers']): string {
  return createHash('sha256')
    .update(canonicalJson(offers.map((one) => ({ ...one }))))
    .digest('hex');
}

/** Prices with the facts of an import, before they are written. */
export interface ImportFacts {
  readonly source: string;
  readonly commit: string | null;
  readonly asOfMs: number;
  readonly importedAtMs: number;
}

/** Makes an import of prices that were read. */
export function importOf({ offers, schema }: ReadPrices, facts: ImportFacts): PriceImport {
  return {
    kind: 'headrace-prices',
    format: FORMAT,
    digest: digestOf(offers),
    ...facts,
    schema,
    offers: offers.map((one) => ({ ...one, flags: [...one.flags] })),
  };
}

/** Writes an import into a store, whole or not at all; its path. Errors: COST_PRICES_STORE. */
export async function storePrices(store: string, prices: PriceImport): Promise<string> {
  const name = `${new Date(prices.importedAtMs).toISOString().replaceAll(/[:.]/g, '-')}-${prices.digest.slice(0, 16)}.json`;
  const path = join(store, name);
  try {
    await mkdir(store, { recursive: true });
    const making = `${path}.${process.pid}.tmp`;
    const file = await open(making, 'w');
    try {
      await file.writeFile(`${JSON.stringify(prices)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(making, path);
  } catch (error) {
    throw fail('COST_PRICES_STORE', { path, reason: reasonOf(error) }, error);
  }
  return path;
}

/** Every import of a store, oldest first; none where there is no store. Errors: COST_PRICES_STORE for a damaged one. */
export async function storedPrices(store: string): Promise<readonly PriceImport[]> {
  const names = await readdir(store).catch(() => []);
  const imports: PriceImport[] = [];
  for (const name of names.filter((one) => one.endsWith('.json')).sort(compareText))
    imports.push(await readImport(join(store, name)));
  return imports.sort((a, b) => a.importedAtMs - b.importedAtMs);
}

/** One import, checked against its digest. Errors: COST_PRICES_STORE. */
export async function readImport(path: string): Promise<PriceImport> {
  try {
    const parsed = priceFile.safeParse(JSON.parse(await readFile(path, 'utf8')));
    if (!parsed.success)
      throw fail('COST_PRICES_STORE', { path, reason: parsed.error.issues[0]?.message ?? 'it is not valid' });
    if (digestOf(parsed.data.offers) !== parsed.data.digest)
      throw fail('COST_PRICES_STORE', { path, reason: 'its digest is not that of its offers' });
    return parsed.data;
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('COST_PRICES_STORE', { path, reason: reasonOf(error) }, error);
  }
}

const DAY_MS = 86_400_000;
const WARN_DAYS = 7;
const REFUSE_DAYS = 90;

/** The age of prices: fine, a warning above 7 days, too old above 90. */
export function ageOf({ asOfMs }: Pick<PriceImport, 'asOfMs'>, nowMs: number) {
  const days = (nowMs - asOfMs) / DAY_MS;
  return {
    days,
    state: days > REFUSE_DAYS ? ('too old' as const) : days > WARN_DAYS ? ('old' as const) : ('fine' as const),
  };
}

/** The newest import of a store. Errors: COST_PRICES_NONE, COST_PRICES_STORE. */
export async function newestPrices(store: string): Promise<PriceImport> {
  const newest = (await storedPrices(store)).at(-1);
  if (newest === undefined) throw fail('COST_PRICES_NONE', { store });
  return newest;
}

/** Whether a file is an import, by its first bytes. */
export async function isStoredImport(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    return buffer.toString('utf8', 0, bytesRead).startsWith('{"kind":"headrace-prices"');
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
