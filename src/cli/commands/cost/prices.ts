import { fail } from '../../../base/errors/fail.ts';
import { PRICE_STORE } from '../../../cost/catalog/price-store.ts';
import { type Call, command } from '../../command.ts';
import { option } from '../../options/option.ts';
import { folder, instant } from '../../options/option-kinds.ts';

const storeOption = { store: option(folder, 'folder of imported prices', PRICE_STORE) };

const importOptions = {
  ...storeOption,
  'as-of': option(
    instant,
    'when the prices were true: a UTC date; otherwise the commit of the checkout, or the newest file',
  ),
};

export const costPricesImport = command({
  name: ['cost', 'prices', 'import'],
  summary:
    'imports prices: from a catalogue of SkyPilot, a file, or without either by the command of the configuration',
  words: '[<folder or file>]',
  arity: [0, 1],
  options: importOptions,
  async run(call) {
    const { importText } = await import('../../../cost/catalog/catalog-text.ts');
    const nowMs = Date.now();
    const { path, prices } = await imported(call, nowMs);
    const { offers, ...facts } = prices;
    call.terminal.out(
      call.json ? JSON.stringify({ ...facts, path, offers: offers.length }) : `${path}\n${importText(prices, nowMs)}`,
    );
  },
});

/** Errors: COST_REFRESH, those of the prices. */
async function imported(call: Call<typeof importOptions>, nowMs: number) {
  const [path] = call.words;
  const { store, 'as-of': asOfMs } = call.options;
  if (path !== undefined) {
    const { importPrices } = await import('../../../cost/catalog/import-prices.ts');
    return importPrices({ path, store, nowMs, asOfMs });
  }
  const { loadConfig } = await import('../../open/load-config.ts');
  const { refresh } = (await loadConfig(call)).environment.prices;
  if (refresh === undefined) throw fail('COST_REFRESH', { reason: 'the environment has no prices.refresh' });
  const { refreshPrices } = await import('../../../cost/catalog/refresh-prices.ts');
  return refreshPrices({ ...refresh, store, nowMs });
}

export const costPricesList = command({
  name: ['cost', 'prices', 'list'],
  summary: 'prints the newest imported prices, and spot discounts over all imports',
  words: '[<accelerator>]',
  arity: [0, 1],
  options: storeOption,
  async run({ words: [accelerator], options, json, terminal }) {
    const { newestPrices, storedPrices } = await import('../../../cost/catalog/price-store.ts');
    const { importText, offersText } = await import('../../../cost/catalog/catalog-text.ts');
    const { spotHistory } = await import('../../../cost/catalog/spot-history.ts');
    const { store } = options;
    const newest = await newestPrices(store);
    const history = spotHistory(await storedPrices(store));
    const offers = newest.offers.filter((one) => accelerator === undefined || one.accelerator === accelerator);
    if (json) terminal.out(JSON.stringify({ ...newest, offers, spotHistory: history }));
    else terminal.out([importText(newest, Date.now()), offersText(offers)].join('\n'));
  },
});

export const costPricesDiff = command({
  name: ['cost', 'prices', 'diff'],
  summary: 'compares two imports, folders or files of prices',
  words: '<old> <new>',
  arity: [2, 2],
  async run({ words: [before = '', after = ''], json, terminal }) {
    const { diffPrices } = await import('../../../cost/catalog/diff-prices.ts');
    const { diffText } = await import('../../../cost/catalog/catalog-text.ts');
    const [old, now] = [await offersAt(before), await offersAt(after)];
    const diff = diffPrices(old, now);
    terminal.out(json ? JSON.stringify(diff) : diffText(diff));
  },
});

/** The offers of an import, or of prices that were not imported. */
async function offersAt(path: string) {
  const { isStoredImport, readImport } = await import('../../../cost/catalog/price-store.ts');
  if (await isStoredImport(path)) return (await readImport(path)).offers;
  const { readPrices } = await import('../../../cost/catalog/read-prices.ts');
  return (await readPrices(path)).offers;
}
