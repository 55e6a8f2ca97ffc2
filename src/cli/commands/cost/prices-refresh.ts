import { command } from '../../command.ts';
import { storeOption } from './prices-import.ts';

export const costPricesRefresh = command({
  name: ['cost', 'prices', 'refresh'],
  summary: 'runs the command that the configuration names for new prices, and imports its result',
  words: '',
  arity: [0, 0],
  options: storeOption,
  async run(call) {
    const { fail } = await import('../../../base/errors/fail.ts');
    const { loadConfig } = await import('../../load-config.ts');
    const { environment } = await loadConfig(call);
    const { refresh } = environment.prices;
    if (refresh === undefined) throw fail('COST_REFRESH', { reason: 'the environment has no prices.refresh' });
    const { refreshPrices } = await import('../../../cost/catalog/refresh-prices.ts');
    const { importText } = await import('../../../cost/catalog/catalog-text.ts');
    const { store } = call.options;
    const nowMs = Date.now();
    const { path, prices } = await refreshPrices({ ...refresh, store, nowMs });
    const { offers, ...facts } = prices;
    call.terminal.out(
      call.json ? JSON.stringify({ ...facts, path, offers: offers.length }) : `${path}\n${importText(prices, nowMs)}`,
    );
  },
});
