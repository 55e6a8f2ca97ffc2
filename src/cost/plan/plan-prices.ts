import { existsSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import type { Offer } from '../catalog/offer.ts';
import { ageOf, isStoredImport, type PriceImport, readImport, storedPrices } from '../catalog/price-store.ts';
import { readPrices } from '../catalog/read-prices.ts';
import type { CostPlan } from './plan.ts';

/** Where the prices of a plan are. */
export interface PlanPricesOptions {
  /** An import, a file or a folder; the newest import of the store if left out. */
  readonly path: string | undefined;
  readonly store: string;
  readonly nowMs: number;
  readonly acceptOld: boolean;
}

/** The prices of a plan, with digest and age; none where nothing was imported. Errors: COST_PRICES_OLD, and those of reading. */
export async function readPlanPrices(
  options: PlanPricesOptions,
): Promise<{ readonly offers: readonly Offer[]; readonly prices: CostPlan['prices'] }> {
  const { path, store, nowMs } = options;
  if (path !== undefined && !(await isStoredImport(path))) {
    const { offers } = await readPrices(path);
    return { offers, prices: { digest: null, ageDays: null, source: `${path}, not imported: its age is not known` } };
  }
  const found = path === undefined ? await newestIn(store) : await readImport(path);
  if (found === undefined) return { offers: [], prices: { digest: null, ageDays: null, source: 'the job alone' } };
  const { days, state } = ageOf(found, nowMs);
  if (state === 'too old' && !options.acceptOld) throw fail('COST_PRICES_OLD', { days: Math.round(days) });
  const warning = state === 'fine' ? '' : `, ${state}: import newer ones`;
  return { offers: found.offers, prices: { digest: found.digest, ageDays: days, source: `${found.source}${warning}` } };
}

async function newestIn(store: string): Promise<PriceImport | undefined> {
  return existsSync(store) ? (await storedPrices(store)).at(-1) : undefined;
}
