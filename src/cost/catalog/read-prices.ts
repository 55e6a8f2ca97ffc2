import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { compareText } from '../../base/text-order.ts';
import { wholeFile } from '../../files/packed-file.ts';
import { csvFields, linesOf } from '../../gpu/readers/csv.ts';
import { flagOffers } from './flag-offers.ts';
import type { DraftOffer, Offer } from './offer.ts';
import { parseOwnCsv, parseOwnJson } from './own-offers.ts';
import { parseSkypilotCatalog } from './skypilot-catalog.ts';

/** Prices that were read, before they are stored. */
export interface ReadPrices {
  readonly schema: 'skypilot-v8' | 'own-1' | 'mixed';
  readonly files: readonly string[];
  readonly offers: readonly Offer[];
}

const LARGEST = 256 * 2 ** 20;

/**
 * Reads a file of prices, or a folder: a checkout of a SkyPilot catalogue, or the folder of catalogues that its client keeps. The name of
 * the provider is the folder of `vms.csv`, or begins the name of the file. A file may be packed. Errors: COST_FILE, COST_PRICES, FILE_DAMAGED.
 */
export async function readPrices(path: string): Promise<ReadPrices> {
  const files = await filesOf(path);
  const drafts: DraftOffer[] = [];
  const schemas = new Set<'skypilot-v8' | 'own-1'>();
  for (const file of files) {
    const text = await textOf(file);
    const { schema, offers } = parsePrices(file, text);
    schemas.add(schema);
    for (const offer of offers) drafts.push(offer);
  }
  if (drafts.length === 0) throw fail('COST_PRICES', { path, reason: 'it holds no offer with accelerators' });
  const [first = 'own-1'] = schemas;
  return { schema: schemas.size > 1 ? 'mixed' : first, files, offers: flagOffers(drafts) };
}

/** Parses one file of either schema. Errors: COST_PRICES. */
export function parsePrices(
  path: string,
  text: string,
): { schema: 'skypilot-v8' | 'own-1'; offers: readonly DraftOffer[] } {
  if (/^\s*\{/.test(text)) return { schema: 'own-1', offers: parseOwnJson(path, text) };
  const header = csvFields(linesOf(text.slice(0, 4096))[0] ?? '').map((name) => name.replace(/^\uFEFF/, '').trim());
  if (header.includes('provider')) return { schema: 'own-1', offers: parseOwnCsv(path, text) };
  return { schema: 'skypilot-v8', offers: parseSkypilotCatalog(path, providerOf(path), text) };
}

/** `…/aws/vms.csv` and `aws_vms_v8_excerpt.csv` are both of aws. */
function providerOf(path: string): string {
  const name = basename(path).toLowerCase();
  const text = name === 'vms.csv' ? basename(dirname(path)).toLowerCase() : (name.split(/[_.-]/)[0] ?? '');
  if (!/^[a-z][a-z0-9]{0,30}$/.test(text))
    throw fail('COST_PRICES', { path, reason: 'neither its folder nor its name says which cloud it is of' });
  return text;
}

/** The file, or each `vms.csv` and each price file directly in a folder or one below it. */
async function filesOf(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw fail('COST_FILE', { path, reason: reasonOf(error).split(',')[0] ?? '' }, error);
  });
  if (!found.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /^(?:vms\.csv|.{1,80}vms.{0,40}\.csv|offers\.(?:csv|json))$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort(compareText);
  if (files.length === 0)
    throw fail('COST_PRICES', { path, reason: 'the folder holds neither vms.csv nor offers.csv or offers.json' });
  return files;
}

async function textOf(path: string): Promise<string> {
  try {
    return (await wholeFile(path, LARGEST)).toString('utf8');
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('COST_FILE', { path, reason: reasonOf(error).split(',')[0] ?? '' }, error);
  }
}
