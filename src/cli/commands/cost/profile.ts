import { writeFile } from 'node:fs/promises';
import type { MeasuredProfile } from '../../../cost/profile/measured-profile.ts';
import { type Call, command, unfinished } from '../../command.ts';
import { option } from '../../options/option.ts';
import { choice, file, name, seconds, whole } from '../../options/option-kinds.ts';

const options = {
  adapter: option(file, 'write the Python adapter to this path, and end'),
  out: option(file, 'where the profile is written', 'profile.json'),
  'trace-out': option(file, 'also record a trace of a few steps to this path, with torch.profiler'),
  steps: option(whole(1, 100_000), 'batches that are timed in each run', 50),
  warm: option(whole(0, 100_000), 'batches before them', 10),
  accumulation: option(whole(1, 100_000), 'batches to one step of the optimiser', 1),
  gpus: option(whole(1, 100_000), 'GPUs that the command uses', 1),
  model: option(name('the name of a model'), 'name of the model, compared with the job of a plan'),
  revision: option(name('a revision'), 'revision of the code, compared with the job of a plan'),
  accelerator: option(
    name('the name of an accelerator'),
    'name of the accelerator, where the program does not report one',
  ),
  precision: option(choice(['fp32', 'tf32', 'fp16', 'bf16', 'fp8']), 'precision of products now'),
  rounds: option(whole(1, 100), 'most rounds of three runs; they end before where their spread is below 5 %', 5),
  limit: option(seconds, 'longest time of one run', 1800),
};

type Asked = Call<typeof options>;

export const costProfile = command({
  name: ['cost', 'profile'],
  stop: [unfinished('COST_PROFILE_STOPPED')],
  summary: 'measures a job as it is, without its loader, and its loader alone',
  words: '-- <command>…',
  arity: [0, 10_000],
  options,
  async run(call) {
    const { terminal, words, json } = call;
    const { adapter, out } = call.options;
    if (adapter !== undefined) {
      const { adapterText } = await import('../../../cost/profile/adapter-text.ts');
      await writeFile(adapter, adapterText);
      terminal.out(json ? JSON.stringify({ adapter }) : adapter);
      return;
    }
    const { fail } = await import('../../../base/errors/fail.ts');
    if (words.length === 0) throw fail('COST_PROFILE_RUN', { reason: 'no command was named after --' });
    const profile = await measure(call);
    await writeFile(out, `${JSON.stringify(profile, null, 2)}\n`);
    terminal.out(json ? JSON.stringify({ ...profile, path: out }) : profileText(profile, out));
  },
});

async function measure({ words, options: asked, terminal }: Asked): Promise<MeasuredProfile> {
  const { programFacts } = await import('../../../cost/evidence/program-files.ts');
  const { measureJob } = await import('../../../cost/profile/measure-job.ts');
  const { model = null, accelerator = null, precision = null, revision = null } = asked;
  return await measureJob({
    command: words,
    steps: asked.steps,
    warm: asked.warm,
    accumulation: asked.accumulation,
    facts: { model, gpus: asked.gpus, accelerator, precision, revision, ...programFacts(words, process.cwd()) },
    trace: asked['trace-out'] ?? null,
    mostRounds: asked.rounds,
    limitMs: 1000 * asked.limit,
    nowMs: Date.now(),
    progress: terminal.err,
    stopped: terminal.stopped,
  });
}

function profileText(profile: MeasuredProfile, path: string): string {
  const { stepS, gpuBoundStepS, loaderS, accumulation, spread, repeats } = profile;
  const ms = (seconds: number) => `${(1000 * seconds).toFixed(2)} ms`;
  const stall = stepS - gpuBoundStepS;
  return [
    `step ${ms(stepS)}; with a batch in memory ${ms(gpuBoundStepS)}; a batch of the loader alone ${ms(loaderS)}`,
    `stall ${ms(stall)} (${((100 * stall) / stepS).toFixed(1)} % of the step); the loader needs ${((100 * accumulation * loaderS) / stepS).toFixed(0)} % of it`,
    `spread ${(100 * spread).toFixed(1)} % over ${repeats} rounds${spread < 0.05 ? '' : ': above 5 %, so ranges are wide'}`,
    path,
  ].join('\n');
}
