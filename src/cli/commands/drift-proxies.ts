import { command } from '../command.ts';
import { spanOptions, withWatched } from '../with-watched.ts';

export const driftProxies = command({
  name: ['drift', 'proxies'],
  summary:
    'measures the declared proxies of a model against its label, with the estimate of a window before its labels',
  words: '<model>',
  arity: [1, 1],
  options: spanOptions,
  async run(call) {
    const { estimateWindow } = await import('../../monitoring/estimate/window-estimate.ts');
    const { estimateLines } = await import('../../monitoring/estimate/estimate-text.ts');
    await withWatched(call, async ({ watched: { model, version }, history, span }) => {
      const found = await estimateWindow(model, history, version, span, Date.now());
      if (call.json) call.terminal.out(JSON.stringify(found));
      else for (const line of estimateLines(found)) call.terminal.out(line);
    });
  },
});
