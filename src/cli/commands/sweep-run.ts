import { fail } from '../../base/errors/fail.ts';
import type { SweepOptions, SweepOutcome } from '../../training/sweep/run-sweep.ts';
import type { SweepFile } from '../../training/sweep/sweep-file.ts';
import { type Call, command, unfinished } from '../command.ts';
import { option } from '../options/option.ts';
import { folder, name, number, whole } from '../options/option-kinds.ts';
import { sweepCall, withSweepRecord } from '../training/sweep-call.ts';

type Sweeping = SweepOptions & { readonly signal: AbortSignal };

const options = {
  directory: option(folder, 'folder of the sweep: its journal and trials; the same folder resumes it', 'sweep'),
  experiment: option(
    name('the name of an experiment'),
    'experiment of the registry that gets a run for the sweep and for each trial',
  ),
  'full-steps': option(
    whole(1),
    'steps of the full run that follows: pilots first choose the first rung and check the cost',
  ),
  share: option(number(0), 'with --full-steps: the most of the full run that the sweep may cost', 0.07),
  pilots: option(whole(3, 1000), 'with --full-steps: pilot trials', 3),
};

export const sweepRun = command({
  name: ['sweep', 'run'],
  summary: 'searches parameters with short trials that stop, pause and resume',
  words: '<sweep.json>',
  arity: [1, 1],
  stop: [unfinished('SWEEP_STOPPED')],
  options,
  run: (call) =>
    sweepCall(call, async (sweeping) => {
      const sweep = await gated(call, sweeping);
      const { runSweep } = await import('../../training/sweep/run-sweep.ts');
      const outcome = await withSweepRecord(call, sweeping, (recorder) =>
        runSweep({ ...sweeping, sweep, ...(recorder === null ? {} : { recorder }) }),
      );
      const { best, results, state } = outcome;
      if (call.json) call.terminal.out(JSON.stringify(outcome));
      else print(call, outcome);
      if (state === 'cancelled') throw fail('SWEEP_STOPPED', { jobs: results.length });
      if (best !== null) return;
      throw fail('SWEEP_FAILED', { failures: [...new Set(results.map(({ failure }) => failure ?? 'no result'))] });
    }),
});

function print({ terminal }: Call, { best, results, trained, inFull, state }: SweepOutcome): void {
  const share = inFull === 0 ? '' : `, ${((100 * trained) / inFull).toFixed(1)} % of all trials in full`;
  terminal.out(`${state}: ${results.length} jobs, ${trained} steps${share}`);
  if (best !== null) terminal.out(`best: trial ${best.trial}, loss ${best.loss}, ${JSON.stringify(best.parameters)}`);
}

/** The sweep behind its gate; as it was written without one. Error: SWEEP_ABLATION. */
async function gated({ options: asked, terminal }: Call<typeof options>, sweeping: Sweeping): Promise<SweepFile> {
  const { 'full-steps': fullSteps, share, pilots } = asked;
  if (fullSteps === undefined) return sweeping.sweep;
  const { ablate } = await import('../../training/sweep/pilots.ts');
  const { onResult: _, ...rest } = sweeping;
  const gate = await ablate({
    ...rest,
    fullSteps,
    share,
    pilots,
    onLine: terminal.err,
  });
  for (const { budget, correlation } of gate.correlations)
    terminal.err(`rank correlation at ${budget} steps: ${correlation === null ? 'unknown' : correlation.toFixed(2)}`);
  for (const warning of gate.warnings) terminal.err(`warning: ${warning}`);
  if (gate.sweep === null) throw fail('SWEEP_ABLATION', { reason: gate.problems.join('; ') });
  return gate.sweep;
}
