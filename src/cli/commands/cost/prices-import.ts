import { command } from '../../command.ts';
import { option } from '../../option.ts';
import { folder, instant } from '../../option-kinds.ts';

/** Where commands of costs keep prices, unless a call says otherwise. */
export const PRICE_STORE = '.headrace/prices';

export const storeOption = { store: option(folder, 'folder of imported prices', PRICE_STORE) };

export const costPricesImport = command({
  name: ['cost', 'prices', 'import'],
  summary: 'imports prices from a catalogue of SkyPilot, or from a file of your own',
  words: '<folder or file>',
  arity: [1, 1],
  options: {
    ...storeOption,
    'as-of': option(
      instant,
      'when the prices were true: a UTC date; otherwise the commit of the checkout, or the newest file',
    ),
  },
  async run({ words: [path = ''], options, json, terminal }) {
    const { importPrices } = await import('../../../cost/catalog/import-prices.ts');
    const { importText } = await import('../../../cost/catalog/catalog-text.ts');
    const nowMs = Date.now();
    const { path: written, prices } = await importPrices({
      path,
      store: options.store,
      nowMs,
      asOfMs: options['as-of'],
    });
    const { offers, ...facts } = prices;
    terminal.out(
      json
        ? JSON.stringify({ ...facts, path: written, offers: offers.length })
        : `${written}\n${importText(prices, nowMs)}`,
    );
  },
});
