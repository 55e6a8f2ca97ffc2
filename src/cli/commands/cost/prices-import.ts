import type { Command } from '../../command.ts';
import { instantOption } from '../../parse-option.ts';

/** Where commands of costs keep prices, unless a call says otherwise. */
export const PRICE_STORE = '.headrace/prices';

export const costPricesImport: Command = {
  name: ['cost', 'prices', 'import'],
  summary: 'imports prices from a catalogue of SkyPilot, or from a file of your own',
  words: '<folder or file>',
  arity: [1, 1],
  options: { store: { type: 'string' }, 'as-of': { type: 'string' } },
  help: {
    store: `folder of imported prices (${PRICE_STORE})`,
    'as-of': 'when the prices were true: a UTC date; otherwise the commit of the checkout, or the newest file',
  },
  async run({ words: [path = ''], options, json, terminal }) {
    const { importPrices } = await import('../../../cost/catalog/import-prices.ts');
    const { importText } = await import('../../../cost/catalog/catalog-text.ts');
    const nowMs = Date.now();
    const { path: written, prices } = await importPrices({
      path,
      store: String(options['store'] ?? PRICE_STORE),
      nowMs,
      asOfMs: instantOption('as-of', options['as-of']),
    });
    const { offers, ...facts } = prices;
    terminal.out(
      json
        ? JSON.stringify({ ...facts, path: written, offers: offers.length })
        : `${written}\n${importText(prices, nowMs)}`,
    );
  },
};
