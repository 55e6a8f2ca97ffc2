import { fail } from '../../base/errors/fail.ts';
import type { SweepOptions, SweepOutcome } from '../../training/sweep/run-sweep.ts';
import type { SweepFile } from '../../training/sweep/sweep-file.ts';
import { type Call, type Command, unfinished } from '../command.ts';
import { numberOption, wholeOption } from '../parse-option.ts';
import { sweepCall } from '../sweep-call.ts';
import { withSweepRecord } from '../with-sweep-record.ts';

type Sweeping = SweepOptions & { readonly signal: AbortSignal };

export const sweepRun: Command = {
  name: ['sweep', 'run'],
  summary: 'searches parameters with short trials that stop, pause and resume',
  words: '<sweep.json>',
  arity: [1, 1],
  stop: [unfinished('SWEEP_STOPPED')],
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
      const { best, results, state } = outcome;
      if (call.json) call.terminal.out(JSON.stringify(outcome));
      else print(call, outcome);
      if (state === 'cancelled') throw fail('SWEEP_STOPPED', { jobs: results.length });
      if (best !== null) return;
      throw fail('SWEEP_FAILED', { failures: [...new Set(results.map(({ failure }) => failure ?? 'no result'))] });
    }),
};

function print({ terminal }: Call, { best, results, trained, inFull, state }: SweepOutcome): void {
  const share = inFull === 0 ? '' : `, ${((100 * trained) / inFull).toFixed(1)} % of all trials in full`;
  terminal.out(`${state}: ${results.length} jobs, ${trained} steps${share}`);
  if (best !== null) terminal.out(`best: trial ${best.trial}, loss ${best.loss}, ${JSON.stringify(best.parameters)}`);
}

/** The sweep behind its gate; as it was written without one. Error: SWEEP_ABLATION. */
async function gated({ options, terminal }: Call, sweeping: Sweeping): Promise<SweepFile> {
  if (options['full-steps'] === undefined) return sweeping.sweep;
  const { ablate } = await import('../../training/sweep/pilots.ts');
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
