import type { JobFacts } from '../techniques/technique.ts';
import type { Run } from './choose-run.ts';
import type { Evaluation } from './evaluate-techniques.ts';
import type { Job } from './job.ts';
import type { PlannedTechnique } from './plan.ts';
import type { SpotChoice } from './plan-spot.ts';

export interface FirstInputs {
  readonly job: Job;
  readonly facts: JobFacts;
  readonly evaluation: Evaluation;
  readonly spot: Pick<SpotChoice, 'state' | 'reason'>;
  readonly onSpot: Run | null;
  readonly onDemand: Run;
  readonly todayUsd: number;
}

/** A change with the USD that it saves; `gate`: what has to be done before, null where nothing has. */
interface LeverUsd {
  readonly usd: number;
  readonly text: string;
  readonly gate: string | null;
}

/** Below this share of the bill a lever is not worth a sentence. */
const LEAST = 0.01;

/**
 * The largest lever, also where a gate is before it: then with the command that opens the gate, and with the largest one that is open. USD are of the
 * bill of today, at the medians.
 */
export function firstLever(inputs: FirstInputs): string {
  const levers = [...stepLevers(inputs), ...spotLever(inputs)]
    .filter(({ usd }) => usd >= LEAST * inputs.todayUsd)
    .sort((a, b) => b.usd - a.usd);
  const [largest] = levers;
  if (largest === undefined) return `nothing in the step; spot: ${inputs.spot.reason}`;
  if (largest.gate === null) return largest.text;
  const open = levers.find(({ gate }) => gate === null);
  const until = open === undefined ? '' : `; until then: ${open.text}`;
  return `${largest.text}, behind a gate. It opens with: ${largest.gate}${until}`;
}

function stepLevers({ evaluation, facts, todayUsd, job }: FirstInputs): readonly LeverUsd[] {
  return evaluation.planned.flatMap((one): readonly LeverUsd[] => {
    const { marginal, leftOut, alone } = one;
    if (leftOut === null) return [{ usd: savedBy(todayUsd, marginal ?? 1), text: textOf(one), gate: null }];
    // A gate of quality: everything but the check of the user is there.
    const isGated =
      leftOut.includes('qualityGate') && facts.qualityGate === null && one.precondition.state !== 'failed';
    if (!isGated || alone === null) return [];
    const usd = savedBy(todayUsd, alone.p50);
    return [
      {
        usd,
        text: `${one.title}, ${usd.toFixed(0)} USD of ${todayUsd.toFixed(0)}`,
        gate: `qualityGate in the job of ${job.name}: the command that checks quality`,
      },
    ];
  });
}

function spotLever({ spot, onSpot, onDemand, job }: FirstInputs): readonly LeverUsd[] {
  if (onSpot === null) return [];
  const usd = onDemand.draws.costUsd.p50 - onSpot.draws.costUsd.p50;
  const policy = onSpot.setting?.policy.name ?? '';
  if (spot.state === 'used') return [{ usd, text: `spot, by the policy ${policy} of this plan`, gate: null }];
  if (spot.state !== 'blocked') return [];
  const command = job.command === undefined ? '<command>' : job.command.join(' ');
  return [
    {
      usd,
      text: `spot, ${usd.toFixed(0)} USD at the median`,
      gate: `headrace train drill --ranks ${job.gpus} -- ${command}, and --drill drill.json (now: ${spot.reason})`,
    },
  ];
}

function savedBy(todayUsd: number, gain: number): number {
  return todayUsd * (1 - 1 / gain);
}

function textOf({ title, measurement }: PlannedTechnique): string {
  return `${title}: ${measurement}`;
}
