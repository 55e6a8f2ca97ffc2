import { command } from '../../command.ts';

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
