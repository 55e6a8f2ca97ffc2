import type { ChosenOffers } from '../plan/choose-offers.ts';
import type { Job } from '../plan/job.ts';
import type { HardwareMove } from '../plan/other-hardware.ts';
import type { PlannedTechnique } from '../plan/plan.ts';
import type { SpotChoice, SpotSetting } from '../plan/plan-spot.ts';
import { bestPowerLimit, etaOf } from '../plan/power-limit.ts';
import type { JobProfile } from '../profile/read-profile.ts';
import { share } from './technique.ts';

type Row = Pick<
  PlannedTechnique,
  'name' | 'title' | 'class' | 'precondition' | 'interactions' | 'risk' | 'measurement' | 'change'
>;

/** A technique without a transform of the step: its effect is in the price, the runs, or the plan itself. */
function row(own: Row, leftOut: string | null, confidence: PlannedTechnique['confidence']): PlannedTechnique {
  return { ...own, leftOut, priors: [], alone: null, marginal: null, confidence, findings: [], ceiling: null };
}

/** The techniques before and after those of the step: the profile; offers, spot, short sweeps. */
export function gates(
  job: Job,
  profile: Pick<JobProfile, 'loaderMeasured' | 'files' | 'findings'>,
  {
    offers,
    move,
    spot,
    setting,
  }: {
    readonly offers: ChosenOffers;
    readonly move: HardwareMove | null;
    readonly spot: Pick<SpotChoice, 'state' | 'reason'>;
    readonly setting: SpotSetting | null;
  },
): { readonly before: readonly PlannedTechnique[]; readonly after: readonly PlannedTechnique[] } {
  return {
    before: [profileFirst(profile)],
    after: [
      ...otherFindings(job, profile.findings, offers),
      otherOffer(offers),
      otherHardware(move),
      powerLimit(job, offers),
      spotAndCheckpoints(spot, setting),
      resilientProgram(),
      shortSweeps(job),
    ],
  };
}

/** Findings that no technique of a step answers: hours of GPUs that were held idle, by their price. */
function otherFindings(
  job: Job,
  findings: JobProfile['findings'],
  { today }: ChosenOffers,
): readonly PlannedTechnique[] {
  return findings
    .filter(({ lever }) => lever === null)
    .map(({ id, title, gpuHours, fix }) => ({
      ...row(
        {
          name: 'scheduling',
          title,
          class: 'gain',
          precondition: {
            state: 'assumed',
            by:
              gpuHours === null
                ? 'the diagnosis does not say how many GPU-hours'
                : `${gpuHours.toFixed(1)} GPU-hours, at most ${((gpuHours * today.usd) / job.gpusPerNode).toFixed(2)} USD at the price of today`,
          },
          interactions: 'none with the step: these hours are of the cluster',
          risk: 'none for quality',
          measurement: 'the same records after the change',
          change: fix,
        },
        'listed only: it is not part of the job',
        'low',
      ),
      findings: [id],
    }));
}

function profileFirst({
  loaderMeasured,
  files,
}: {
  readonly loaderMeasured: boolean;
  readonly files: readonly string[];
}) {
  return row(
    {
      name: 'profile-first',
      title: 'a profile before anything else',
      class: 'gate',
      precondition: loaderMeasured
        ? {
            state: 'verified',
            by: `${files.length === 1 ? 'one file' : `${files.length} files`}, the loader measured by itself`,
          }
        : { state: 'assumed', by: 'a trace without a measurement of the loader' },
      interactions: 'every number below is computed from it',
      risk: 'none',
      measurement: 'headrace cost profile -- <command>',
      change: 'none',
    },
    null,
    loaderMeasured ? 'high' : 'medium',
  );
}

function otherOffer({ today, cheapest }: ChosenOffers) {
  const saving = cheapest === null ? 0 : 1 - cheapest.usd / today.usd;
  const applies = saving > 0.01;
  return row(
    {
      name: 'other-offer',
      title: cheapest === null ? 'another zone or provider' : `the same nodes at ${cheapest.name}`,
      class: 'gain',
      precondition: applies
        ? { state: 'assumed', by: `${share(saving)} below the price of today; capacity is not known` }
        : { state: 'failed', by: 'no cheaper price on demand is imported' },
      interactions: 'other hardware needs a new profile',
      risk: 'moving the data costs egress and time',
      measurement: 'start one node there, and profile 20 steps',
      change: 'region and zone of the job',
    },
    applies ? 'listed only: data and quota are yours to judge' : 'its precondition fails',
    'low',
  );
}

/** Another accelerator: by a trial on it alone. */
function otherHardware(move: HardwareMove | null) {
  const by =
    move === null
      ? 'no trial on another accelerator, or no price of it: rows of one card say nothing of another'
      : `measured on ${move.hardware}: ${move.costGain.toFixed(2)} times cheaper and ${move.timeGain.toFixed(2)} times as fast at ${move.usdPerNodeHour.toFixed(2)} USD (${move.offer})`;
  return row(
    {
      name: 'other-hardware',
      title: move === null ? 'another accelerator' : `the job on ${move.hardware}`,
      class: 'gain',
      precondition: { state: move === null ? 'failed' : 'verified', by },
      interactions: 'every kernel time changes: the levers of today are not those of the other card',
      risk: 'capacity, quota and the time to move',
      measurement: 'headrace cost profile there, passed as --trial other-hardware=FILE',
      change: 'the accelerator of the job; then a plan of its own from the profile there',
    },
    move === null ? 'its precondition fails' : 'listed only: make a plan from the profile there',
    move === null ? 'low' : 'high',
  );
}

/** On V100 over 68 settings of six data sets, energy alone (Zeus, NSDI 2023, summary_power_v100): saved energy at p10, p50 and p90. */
const ZEUS =
  'energy alone on V100, 68 settings: 4 %, 23 % and 34 % less at p10, p50 and p90, in 0.96 to 1.38 times the time (Zeus, NSDI 2023)';

/** A power limit of the GPUs, by Zeus's cost of energy and time. */
function powerLimit({ powerRuns = [], usdPerKwh, gpusPerNode }: Job, { today }: ChosenOffers) {
  const highestW = Math.max(0, ...powerRuns.map(({ limitW }) => limitW));
  const choice = bestPowerLimit(powerRuns, etaOf(today.usd / gpusPerNode, usdPerKwh, highestW));
  const least = bestPowerLimit(powerRuns, 1);
  const energy =
    least === null
      ? `no powerRuns in the job; ${ZEUS}`
      : `least energy at ${least.limitW} W: ${share(1 - least.energyRatio)} less in ${least.timeRatio.toFixed(2)} times the time`;
  const paid =
    choice === null || choice.limitW === choice.highestW
      ? usdPerKwh === 0
        ? '; energy is part of the price of a node, so that a limit saves no money'
        : '; at these prices the highest limit costs least'
      : `; least money at ${choice.limitW} W: ${share(1 - choice.energyRatio)} less energy in ${choice.timeRatio.toFixed(2)} times the time`;
  const pays = choice !== null && choice.limitW !== choice.highestW;
  return row(
    {
      name: 'power-limit',
      title: 'a power limit of the GPUs',
      class: 'gain',
      precondition: { state: pays ? 'verified' : least === null ? 'assumed' : 'failed', by: `${energy}${paid}` },
      interactions: 'a bound loader or exposed communication leaves power unused: the limit then costs no time',
      risk: 'none for quality; the job takes longer where kernels are bound by their clock',
      measurement: '20 steps under each limit, with the mean power of nvidia-smi: powerRuns in the job',
      change: 'nvidia-smi -pl WATTS on each node; needs root',
    },
    'listed only: energy is not in the cost of this plan',
    pays ? 'high' : 'low',
  );
}

function spotAndCheckpoints({ state, reason }: Pick<SpotChoice, 'state' | 'reason'>, setting: SpotSetting | null) {
  return row(
    {
      name: 'spot',
      title:
        setting === null
          ? 'spot with checkpoints'
          : `spot with a checkpoint each ${setting.checkpointS.toFixed(0)} s, policy ${setting.policy.name}`,
      class: 'gain',
      precondition: { state: state === 'used' ? 'verified' : 'failed', by: reason },
      interactions: 'a shorter job meets fewer losses; less blocked time per checkpoint is itself a saving',
      risk: 'lost work, late finish: see the share of missed deadlines',
      measurement: 'the resume drill, which measures blocked time and restart',
      change: 'spot nodes, the runner, checkpoints that are atomic',
    },
    state === 'used' ? null : reason,
    state === 'used' ? 'medium' : 'low',
  );
}

function resilientProgram() {
  return row(
    {
      name: 'resilient-program',
      title: 'a training program that survives losses (Bamboo, Oobleck, Parcae, torchft)',
      class: 'gain',
      precondition: { state: 'failed', by: 'the training program must be changed for it, which a plan does not judge' },
      interactions:
        'in place of checkpoints and restarts; published upper bounds: 2.4 times below on-demand cost (Bamboo, NSDI 2023), 10 times other spot systems (Parcae)',
      risk: 'redundant work or another parallel layout changes training',
      measurement: 'a run of the changed program under the recorded losses: headrace train run --spot-trace',
      change: 'the library of one of these projects',
    },
    'listed only: it is another training program',
    'low',
  );
}

function shortSweeps({ sweep }: Job) {
  return row(
    {
      name: 'short-sweeps',
      title: 'early stopping in the search before the job',
      class: 'gain',
      precondition:
        sweep === undefined
          ? { state: 'failed', by: 'the job names no sweep' }
          : {
              state: 'assumed',
              by: `${sweep.trials} trials of ${sweep.hoursPerTrial} h; ranks of early losses are not measured`,
            },
      interactions: 'none with the step; trials are ideal work for spot',
      risk: 'a late bloomer is stopped: compare ranks of pilots at two rungs',
      measurement: 'three pilots to a fifth of their length; rank correlation of at least 0.8',
      change: 'a scheduler that stops or pauses trials by rungs',
    },
    sweep === undefined ? 'its precondition fails' : 'in a line by itself: it is not part of the job',
    'medium',
  );
}
