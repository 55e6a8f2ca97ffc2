import { numberText } from '../../base/number-text.ts';
import { command, unfinished } from '../command.ts';
import { needed, option } from '../options/option.ts';
import { folder, number } from '../options/option-kinds.ts';
import { sweepCall } from '../training/sweep-call.ts';

export const sweepScale = command({
  name: ['sweep', 'scale'],
  summary: 'trains at four or more small sizes, and extrapolates the loss by a power law with its band',
  words: '<sweep.json>',
  arity: [1, 1],
  stop: [unfinished('SWEEP_STOPPED')],
  options: {
    directory: option(folder, 'folder of the runs; the same folder resumes them', 'sweep'),
    to: needed(number(0), 'size that the loss is extrapolated to'),
  },
  async run(call) {
    const { fail } = await import('../../base/errors/fail.ts');
    const { scaleSweep } = await import('../../training/sweep/scale-sweep.ts');
    const { to } = call.options;
    await sweepCall(call, async (options) => {
      const { points, fit } = await scaleSweep(options);
      const at = fit.fits ? fit.at(to) : null;
      if (call.json) {
        const found = fit.fits ? { fits: true, law: fit.law, heldOut: fit.heldOut, at } : fit;
        call.terminal.out(JSON.stringify({ points, to, ...found }));
      } else for (const { size, value } of points) call.terminal.out(`size ${size}: loss ${value}`);
      if (!fit.fits) throw fail('SWEEP_FIT', { reason: fit.reason });
      if (call.json) return;
      const { floor, scale, exponent } = fit.law;
      call.terminal.out(`loss = ${numberText(floor, 4)} + ${numberText(scale, 4)} · size^-${exponent.toFixed(3)}`);
      call.terminal.out(
        `at ${to}: ${numberText(at?.p50 ?? null, 5)} (p10 ${numberText(at?.p10 ?? null, 5)}, p90 ${numberText(at?.p90 ?? null, 5)})`,
      );
    });
  },
});
