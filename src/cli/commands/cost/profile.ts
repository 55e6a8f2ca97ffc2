import { writeFile } from 'node:fs/promises';
import type { MeasuredProfile } from '../../../cost/profile/measured-profile.ts';
import { type Call, type Command, unfinished } from '../../command.ts';
import { choiceOption, secondsOption, wholeOption } from '../../parse-option.ts';

export const costProfile: Command = {
  name: ['cost', 'profile'],
  stop: [unfinished('COST_PROFILE_STOPPED')],
  summary: 'measures a job as it is, without its loader, and its loader alone',
  words: '-- <command>…',
  arity: [0, 10_000],
  options: {
    adapter: { type: 'string' },
    out: { type: 'string' },
    'trace-out': { type: 'string' },
    steps: { type: 'string' },
    warm: { type: 'string' },
    accumulation: { type: 'string' },
    gpus: { type: 'string' },
    model: { type: 'string' },
    revision: { type: 'string' },
    accelerator: { type: 'string' },
    precision: { type: 'string' },
    rounds: { type: 'string' },
    limit: { type: 'string' },
  },
  help: {
    adapter: 'write the Python adapter to this path, and end',
    out: 'where the profile is written (profile.json)',
    'trace-out': 'also record a trace of a few steps to this path, with torch.profiler',
    steps: 'batches that are timed in each run (50)',
    warm: 'batches before them (10)',
    accumulation: 'batches to one step of the optimiser (1)',
    gpus: 'GPUs that the command uses (1)',
    model: 'name of the model, compared with the job of a plan',
    revision: 'revision of the code, compared with the job of a plan',
    accelerator: 'name of the accelerator, where the program does not report one',
    precision: 'precision of products now: fp32, tf32, fp16, bf16 or fp8',
    rounds: 'most rounds of three runs; they end before where their spread is below 5 % (5)',
    limit: 'longest time of one run (30m)',
  },
  async run(call) {
    const { options, terminal, words, json } = call;
    if (typeof options['adapter'] === 'string') {
      const { adapterText } = await import('../../../cost/profile/adapter-text.ts');
      await writeFile(options['adapter'], adapterText);
      terminal.out(json ? JSON.stringify({ adapter: options['adapter'] }) : options['adapter']);
      return;
    }
    const { fail } = await import('../../../base/errors/fail.ts');
    if (words.length === 0) throw fail('COST_PROFILE_RUN', { reason: 'no command was named after --' });
    const profile = await measure(call);
    const out = String(options['out'] ?? 'profile.json');
    await writeFile(out, `${JSON.stringify(profile, null, 2)}\n`);
    terminal.out(json ? JSON.stringify({ ...profile, path: out }) : profileText(profile, out));
  },
};

async function measure({ words, options, terminal }: Call): Promise<MeasuredProfile> {
  const { programFacts } = await import('../../../cost/evidence/program-files.ts');
  const { measureJob } = await import('../../../cost/profile/measure-job.ts');
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : null);
  return await measureJob({
    command: words,
    steps: wholeOption('steps', options['steps'], 50, 1, 100_000),
    warm: wholeOption('warm', options['warm'], 10, 0, 100_000),
    accumulation: wholeOption('accumulation', options['accumulation'], 1, 1, 100_000),
    facts: {
      model: text('model'),
      gpus: wholeOption('gpus', options['gpus'], 1, 1, 100_000),
      accelerator: text('accelerator'),
      precision: choiceOption('precision', options['precision'], ['fp32', 'tf32', 'fp16', 'bf16', 'fp8']) ?? null,
      revision: text('revision'),
      ...programFacts(words, process.cwd()),
    },
    trace: text('trace-out'),
    mostRounds: wholeOption('rounds', options['rounds'], 5, 1, 100),
    limitMs: 1000 * (secondsOption('limit', options['limit']) ?? 1800),
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
