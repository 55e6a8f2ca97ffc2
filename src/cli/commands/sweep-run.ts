import type { SweepOptions } from '../../training/sweep/run-sweep.ts';
import type { SweepFile } from '../../training/sweep/sweep-file.ts';
import type { Call, Command } from '../command.ts';
import { numberOption, wholeOption } from '../parse-option.ts';
import { sweepCall } from '../sweep-call.ts';
import { withSweepRecord } from '../with-sweep-record.ts';

type Sweeping = SweepOptions & { readonly signal: AbortSignal };

export const sweepRun: Command = {
  name: ['sweep', 'run'],
  summary: 'searches parameters with short trials that stop, pause and resume',
  words: '<sweep.json>',
  arity: [1, 1],
  options: {
    directory: { type: 'string' },
    experiment: { type: 'string' },
    'full-steps': { type: 'string' },
    share: { type: 'string' },
    pilots: { type: 'string' },
  },
  help: {
    directory: 'folder of the sweep: its journal and trials (./sweep); the same folder resumes it',
    experiment: 'experiment of the registry that gets a run for the sweep and for each trial',
    'full-steps': 'steps of the full run that follows: pilots first choose the first rung and check the cost',
    share: 'with --full-steps: the most of the full run that the sweep may cost (0.07)',
    pilots: 'with --full-steps: pilot trials (3)',
  },
  run: (call) =>
    sweepCall(call, async (options) => {
      const sweep = await gated(call, options);
      const { runSweep } = await import('../../training/sweep/run-sweep.ts');
      const outcome = await withSweepRecord(call, options, (recorder) =>
        runSweep({ ...options, sweep, ...(recorder === null ? {} : { recorder }) }),
      );
      const { json, terminal } = call;
      if (json) return terminal.out(JSON.stringify(outcome));
      const { best, trained, inFull, state } = outcome;
      const share = inFull === 0 ? '' : `, ${((100 * trained) / inFull).toFixed(1)} % of all trials in full`;
      terminal.out(`${state}: ${outcome.results.length} jobs, ${trained} steps${share}`);
      if (best !== null)
        terminal.out(`best: trial ${best.trial}, loss ${best.loss}, ${JSON.stringify(best.parameters)}`);
    }),
};

/** The sweep behind its gate; as it was written without one. Error: SWEEP_ABLATION. */
async function gated({ options, terminal }: Call, sweeping: Sweeping): Promise<SweepFile> {
  if (options['full-steps'] === undefined) return sweeping.sweep;
  const { ablate } = await import('../../training/sweep/pilots.ts');
  const { fail } = await import('../../base/errors/fail.ts');
  const { onResult: _, ...rest } = sweeping;
  const gate = await ablate({
    ...rest,
    fullSteps: wholeOption('full-steps', options['full-steps'], 1, 1, Number.MAX_SAFE_INTEGER),
    share: numberOption('share', options['share'], 0) ?? 0.07,
    pilots: wholeOption('pilots', options['pilots'], 3, 3, 1000),
    onLine: terminal.err,
  });
  for (const { budget, correlation } of gate.correlations)
    terminal.err(`rank correlation at ${budget} steps: ${correlation === null ? 'unknown' : correlation.toFixed(2)}`);
  for (const warning of gate.warnings) terminal.err(`warning: ${warning}`);
  if (gate.sweep === null) throw fail('SWEEP_ABLATION', { reason: gate.problems.join('; ') });
  return gate.sweep;
}
