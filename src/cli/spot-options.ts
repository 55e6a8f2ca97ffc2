import { fail } from '../base/errors/fail.ts';
import { policies } from '../cost/spot/policies/policies.ts';
import type { Policy } from '../cost/spot/policy.ts';
import { runWindow } from '../cost/spot/run-window.ts';
import { readSpotTrace } from '../cost/spot/trace/read-spot-trace.ts';
import { RecordedInstances, type RecordedOptions } from '../training/runner/recorded-instances.ts';
import type { RunSpec } from '../training/runner/run-spec.ts';
import type { Call } from './command.ts';
import { choiceOption, numberOption, secondsOption, wholeOption } from './parse-option.ts';

/** Options of a run on recorded instances. */
export const spotOptions = {
  'spot-trace': { type: 'string' },
  polarity: { type: 'string' },
  work: { type: 'string' },
  deadline: { type: 'string' },
  changeover: { type: 'string' },
  policy: { type: 'string' },
  'spot-price': { type: 'string' },
  'on-demand-price': { type: 'string' },
  'start-tick': { type: 'string' },
  speed: { type: 'string' },
  notice: { type: 'string' },
} as const;

export const spotOptionHelp = {
  'spot-trace': 'a recording of spot instances, which the run is placed on in fast time; needs --drill',
  polarity: 'meaning of 1 in a file of zeros and ones: available or unavailable',
  work: 'time of work of all steps, by the clock of the recording: 8h',
  deadline: 'time from the start to the deadline: 12h',
  changeover: 'time without progress after each start (18m)',
  policy: 'greedy, uniform_progress, hybrid, spot_only or on_demand (uniform_progress)',
  'spot-price': 'price of a node and an hour on spot',
  'on-demand-price': 'price of a node and an hour on demand',
  'start-tick': 'tick of the recording at which the run begins (0)',
  speed: 'seconds of the recording in a second here (600)',
  notice: 'time from a notice to the loss of an instance (0s: none)',
};

export interface RecordedRun {
  readonly placer: RecordedInstances;
  /** The cost that the simulator has for the same window, with its deadline: null where the job does not end in it. */
  readonly predicted: { readonly cost: number; readonly finishS: number } | null;
}

/** The recorded instances that a call names; null: none. Errors: CLI_VALUE, RUN_SPEC, COST_TRACE_*. */
export async function recordedRun({ options }: Call, spec: RunSpec): Promise<RecordedRun | null> {
  const path = options['spot-trace'];
  if (path === undefined) return null;
  const needed = (name: string, value: number | undefined) => {
    if (value === undefined) throw fail('RUN_SPEC', { member: name, reason: 'a run on recorded instances needs it' });
    return value;
  };
  if (spec.targetSteps === null)
    throw fail('RUN_SPEC', { member: 'steps', reason: 'a policy counts what is left of them' });
  if (options['drill'] === undefined)
    throw fail('RUN_SPEC', { member: 'drill', reason: 'a program that was not seen to resume gets no spot instances' });
  const trace = await readSpotTrace(String(path), {
    polarity: choiceOption('polarity', options['polarity'], ['available', 'unavailable']),
  });
  const spotPrice = needed('spot-price', numberOption('spot-price', options['spot-price'], 0));
  const onDemandPrice = needed('on-demand-price', numberOption('on-demand-price', options['on-demand-price'], 0));
  const policy = policyOption(options['policy']);
  const recorded: RecordedOptions = {
    trace,
    startTick: wholeOption('start-tick', options['start-tick'], 0, 0, trace.counts.length - 1),
    nodes: spec.ranks,
    job: {
      workS: Math.round(needed('work', secondsOption('work', options['work']))),
      deadlineS: Math.round(needed('deadline', secondsOption('deadline', options['deadline']))),
      gapS: trace.gapS,
      changeoverS: Math.round(secondsOption('changeover', options['changeover']) ?? 1080),
      priceRatio: onDemandPrice / spotPrice,
    },
    policy,
    spotPrice,
    onDemandPrice,
    speed: numberOption('speed', options['speed'], 0.001) ?? 600,
    noticeS: secondsOption('notice', options['notice']) ?? 0,
  };
  return { placer: new RecordedInstances(recorded), predicted: predict(recorded) };
}

/** A policy that a runner can follow. Errors: CLI_VALUE, RUN_SPEC. */
export function policyOption(value: string | boolean | undefined): Policy {
  const names = policies.filter(({ needsFuture }) => !needsFuture).map(({ name }) => name);
  const name = choiceOption('policy', value, names) ?? 'uniform_progress';
  const policy = policies.find((one) => one.name === name);
  if (policy === undefined) throw fail('RUN_SPEC', { member: 'policy', reason: 'there is none of this name' });
  return policy;
}

function predict({ trace, startTick, nodes, job, policy, spotPrice, onDemandPrice }: RecordedOptions) {
  const { finishTick, spotTicks, onDemandTicks } = runWindow({
    counts: trace.counts,
    from: startTick,
    to: trace.counts.length,
    nodes,
    job,
    policy,
  });
  if (finishTick < 0) return null;
  const hours = (ticks: number) => (ticks * job.gapS * nodes) / 3600;
  return { cost: hours(spotTicks) * spotPrice + hours(onDemandTicks) * onDemandPrice, finishS: finishTick * job.gapS };
}
