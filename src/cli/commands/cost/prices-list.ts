import { command } from '../../command.ts';
import { storeOption } from './prices-import.ts';

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
