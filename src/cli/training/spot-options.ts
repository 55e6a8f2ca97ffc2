import { fail } from '../../base/errors/fail.ts';
import { policies } from '../../cost/spot/policies/policies.ts';
import { uniformProgress } from '../../cost/spot/policies/uniform-progress.ts';
import { runWindow } from '../../cost/spot/run-window.ts';
import type { RecordedInstances, RecordedOptions } from '../../training/runner/recorded-instances.ts';
import type { RunSpec } from '../../training/runner/run-spec.ts';
import { option, parseValue } from '../options/option.ts';
import { choice, file, named, number, seconds, whole } from '../options/option-kinds.ts';
import type { RunCall } from './run-options.ts';

/** How a recording of spot instances is read. */
export const traceOptions = {
  polarity: option(choice(['available', 'unavailable']), 'meaning of 1 in a file of zeros and ones'),
  'time-unit': option(choice(['ms', 's', 'h']), 'unit of the first column of a file of times and counts'),
};

/** Policies that a run can follow. */
const followed = policies.filter(({ needsFuture }) => !needsFuture);

/** Options of a run on recorded instances. */
export const spotOptions = {
  'spot-trace': option(file, 'a recording of spot instances, which the run is placed on in fast time; needs --drill'),
  polarity: traceOptions.polarity,
  work: option(seconds, 'running time of all steps, by the clock of the recording: 8h'),
  deadline: option(seconds, 'time from the start to the deadline: 12h'),
  changeover: option(seconds, 'time without progress after each start', 1080),
  policy: option(named(followed), 'how the run is placed', uniformProgress),
  'spot-price': option(number(0), 'price of a node and an hour on spot'),
  'on-demand-price': option(number(0), 'price of a node and an hour on demand'),
  'start-tick': option(whole(0), 'tick of the recording at which the run begins', 0),
  speed: option(number(0.001), 'seconds of the recording in a second here', 600),
  notice: option(seconds, 'time from a notice to the loss of an instance; 0s: none', 0),
};

export interface RecordedRun {
  readonly placer: RecordedInstances;
  /** The cost that the simulator has for the same window, with its deadline: null where the job does not end in it. */
  readonly predicted: { readonly cost: number; readonly finishS: number } | null;
}

/** The recorded instances that a call names; null: none. Errors: CLI_VALUE, RUN_SPEC, COST_TRACE_*. */
export async function recordedRun({ options: asked }: RunCall, spec: RunSpec): Promise<RecordedRun | null> {
  const path = asked['spot-trace'];
  if (path === undefined) return null;
  const needed = (name: string, value: number | undefined) => {
    if (value === undefined) throw fail('RUN_SPEC', { member: name, reason: 'a run on recorded instances needs it' });
    return value;
  };
  if (spec.targetSteps === null)
    throw fail('RUN_SPEC', { member: 'steps', reason: 'a policy counts what is left of them' });
  if (asked.drill === undefined)
    throw fail('RUN_SPEC', { member: 'drill', reason: 'a program that was not seen to resume gets no spot instances' });
  const { readSpotTrace } = await import('../../cost/spot/trace/read-spot-trace.ts');
  const { RecordedInstances } = await import('../../training/runner/recorded-instances.ts');
  const trace = await readSpotTrace(path, { polarity: asked.polarity });
  const startTick = asked['start-tick'];
  const last = whole(0, trace.counts.length - 1);
  const spotPrice = needed('spot-price', asked['spot-price']);
  const onDemandPrice = needed('on-demand-price', asked['on-demand-price']);
  const recorded: RecordedOptions = {
    trace,
    startTick: parseValue('start-tick', last, String(startTick)),
    nodes: spec.ranks,
    job: {
      workS: needed('work', asked.work),
      deadlineS: needed('deadline', asked.deadline),
      gapS: trace.gapS,
      changeoverS: asked.changeover,
      priceRatio: onDemandPrice / spotPrice,
    },
    policy: asked.policy,
    spotPrice,
    onDemandPrice,
    speed: asked.speed,
    noticeS: asked.notice,
  };
  return { placer: new RecordedInstances(recorded), predicted: predict(recorded) };
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
