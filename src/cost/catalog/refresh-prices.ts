import { homedir } from 'node:os';
import { fail } from '../../base/errors/fail.ts';
import { startProgram } from '../../process/start-child.ts';
import { importPrices } from './import-prices.ts';
import type { PriceImport } from './price-store.ts';

/** A command that writes new prices, and where it writes them. */
export interface RefreshOptions {
  readonly command: readonly string[];
  /** The folder or file that the command writes; `~` is the home folder. */
  readonly from: string;
  readonly store: string;
  readonly nowMs: number;
}

/** Runs the command, then imports its prices as of now. Errors: COST_REFRESH, and those of an import. */
export async function refreshPrices({
  command,
  from,
  store,
  nowMs,
}: RefreshOptions): Promise<{ readonly path: string; readonly prices: PriceImport }> {
  const [program = ''] = command;
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = startProgram(command, { stdio: ['ignore', 2, 2] });
    child.once('error', (error) => reject(fail('COST_REFRESH', { reason: `${program}: ${error.message}` }, error)));
    child.once('exit', resolve);
  });
  if (code !== 0) throw fail('COST_REFRESH', { reason: `${program} ended with ${code ?? 'a signal'}` });
  return await importPrices({ path: from.replace(/^~(?=\/|$)/, homedir()), store, nowMs, asOfMs: nowMs });
}
