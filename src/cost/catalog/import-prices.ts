import { stat } from 'node:fs/promises';
import { outputOf } from '../../process/run-to-end.ts';
import { importOf, type PriceImport, storePrices } from './price-store.ts';
import { readPrices } from './read-prices.ts';

/** Where prices come from and go to. */
export interface ImportOptions {
  readonly path: string;
  readonly store: string;
  readonly nowMs: number;
  /** When the prices were true, epoch ms; otherwise the commit of the checkout, or the newest file. */
  readonly asOfMs?: number | undefined;
}

/** Reads prices and keeps them by digest, with source and time. Errors: COST_FILE, COST_PRICES, COST_PRICES_STORE. */
export async function importPrices(
  options: ImportOptions,
): Promise<{ readonly path: string; readonly prices: PriceImport }> {
  const { path, store, nowMs } = options;
  const read = await readPrices(path);
  const commit = await commitOf(path);
  const asOfMs = options.asOfMs ?? commit?.atMs ?? (await newestOf(read.files));
  const prices = importOf(read, { source: path, commit: commit?.id ?? null, asOfMs, importedAtMs: nowMs });
  return { path: await storePrices(store, prices), prices };
}

/** The commit of a checkout; undefined where it is not one, or git is absent. */
export async function commitOf(path: string): Promise<{ readonly id: string; readonly atMs: number } | undefined> {
  try {
    const stdout = await outputOf(['git', '-C', path, 'log', '-1', '--format=%H %ct', '--', '.']);
    const match = /^([0-9a-f]{40,64}) (\d{1,12})$/.exec(stdout.trim());
    return match === null ? undefined : { id: match[1] ?? '', atMs: Number(match[2]) * 1000 };
  } catch {
    return undefined;
  }
}

async function newestOf(files: readonly string[]): Promise<number> {
  const times = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
  return times.reduce((newest, at) => Math.max(newest, at), 0);
}
