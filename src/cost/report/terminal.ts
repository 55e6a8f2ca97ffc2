import type { Range } from '../plan/draw.ts';
import type { CostPlan, PlannedTechnique } from '../plan/plan.ts';
import type { Prior } from '../techniques/technique.ts';

const usd = (value: number) => `${value.toFixed(2)} USD`;
const share = (value: number) => `${(100 * value).toFixed(1)} %`;
const gain = (value: number) => `${value.toFixed(2)}×`;

/** Three quantiles in one text. */
export function rangeText(
  { p10, p50, p90 }: Pick<Range, 'p10' | 'p50' | 'p90'>,
  print: (value: number) => string,
): string {
  return `${print(p50)} (p10 ${print(p10)}, p90 ${print(p90)})`;
}

/** A plan for a terminal: what is paid now and then, what to try first, the techniques, spot, and what is not known. */
export function planText(plan: CostPlan): string {
  const { baseline, total, joint, profile } = plan;
  const { times } = profile;
  return [
    `${plan.job}: ${plan.gpus} GPUs on ${plan.nodes} nodes`,
    `  today: ${usd(baseline.costUsd)} = ${baseline.hours} h × ${plan.nodes} nodes × ${usd(baseline.usdPerNodeHour)} (${baseline.offer})`,
    `  then:  ${rangeText(total.costUsd, usd)} in ${rangeText(total.hours, (value) => `${value.toFixed(1)} h`)}, ${total.draws} draws`,
    `  saved: ${rangeText(total.saving, share)}; most of the spread: ${total.dominant}`,
    `  missed deadlines: ${share(total.missedShare)} of the draws; paid: ${rangeText(total.paidHours, (value) => `${value.toFixed(1)} h`)}`,
    `  first: ${plan.first}`,
    '',
    `profile: a step of ${times.stepS.toFixed(4)} s by the model, ${profile.measuredStepS.toFixed(4)} s measured; bound: ${times.bound}, stall ${share(times.stallS / times.stepS)}, exposed communication ${share(times.exposedS / times.stepS)}`,
    ...(plan.mfu === null ? [] : [`  model FLOPs utilisation ${share(plan.mfu.share)}: ${plan.mfu.verdict}`]),
    '',
    `techniques; together ${gain(joint.costGain)} in cost, ${gain(joint.timeGain)} in time (${joint.techniques.join(', ') || 'none'})`,
    ...plan.techniques.flatMap(techniqueLines),
    '',
    ...spotLines(plan),
    ...sweepLines(plan),
    ...targetLines(plan),
    'waterfall',
    ...plan.waterfall.map(
      ({ name, costUsd, savedUsd }) =>
        `  ${name.padEnd(26)}${usd(costUsd).padStart(14)}${savedUsd === 0 ? '' : `  −${usd(savedUsd)}`}`,
    ),
    '',
    ...notesOf(plan).map((note) => `note: ${note}`),
  ].join('\n');
}

/** Every limit of a plan, in one list. */
export function notesOf(plan: CostPlan): readonly string[] {
  const { prices } = plan;
  return [
    `prices: ${prices.source}${prices.digest === null ? '' : `, digest ${prices.digest.slice(0, 16)}`}${prices.ageDays === null ? '' : `, ${prices.ageDays.toFixed(1)} days old`}`,
    ...plan.profile.notes,
    ...plan.notes,
    ...plan.spot.caveats,
  ];
}

function techniqueLines(one: PlannedTechnique): readonly string[] {
  const effect =
    one.alone === null
      ? ''
      : `  alone ${rangeText(one.alone, gain)}${one.marginal === null ? '' : `, in the plan ${gain(one.marginal)}`}`;
  const ceiling = one.ceiling === null ? '' : `, at most ${gain(one.ceiling)}`;
  return [
    `  ${one.leftOut === null ? '+' : '·'} ${one.name} (${one.class}, ${one.confidence} confidence)${effect}`,
    `      ${one.precondition.state}: ${one.precondition.by}${one.leftOut === null || one.leftOut === one.precondition.by ? '' : `; left out: ${one.leftOut}`}`,
    ...(one.findings.length === 0 ? [] : [`      answers ${one.findings.join(', ')}${ceiling}`]),
    ...(one.leftOut === null
      ? [
          `      measure: ${one.measurement}`,
          `      change: ${one.change}`,
          ...one.priors.map((prior) => `      ${priorText(prior)}`),
        ]
      : []),
  ];
}

/** A prior with its quantiles and source. */
export function priorText({ name, p10, p50, p90, source, kind, heldOut }: Prior): string {
  const coverage =
    heldOut === undefined ? '' : `; holds ${(100 * heldOut).toFixed(0)} % of left-out models' rows, 80 % claimed`;
  return `${name}: ${p10} / ${p50} / ${p90} (${kind}: ${source}${coverage})`;
}

function spotLines({ spot }: CostPlan): readonly string[] {
  const { state, reason, offer, discount, policy, deadlineHours, checkpointS, costUsd, missedShare, moveUsd } = spot;
  if (offer === null || costUsd === null || discount === null || checkpointS === null)
    return [`spot: ${state}: ${reason}`, ''];
  return [
    `spot: ${state}: ${reason}`,
    `  ${offer}, ${share(discount)} below today's price, policy ${policy} by a deadline of ${(deadlineHours ?? 0).toFixed(1)} h, a checkpoint each ${checkpointS.toFixed(0)} s of work${moveUsd === null || moveUsd === 0 ? '' : `, ${usd(moveUsd)} to move the data`}`,
    `  the job ${state === 'used' ? 'costs' : 'would cost'} ${rangeText(costUsd, usd)}; ${share(missedShare ?? 0)} of the draws miss the deadline`,
    '',
  ];
}

function sweepLines({ sweep }: CostPlan): readonly string[] {
  return sweep === null
    ? []
    : [
        `sweep: ${usd(sweep.fullUsd)} in full, ${rangeText(sweep.earlyStoppedUsd, usd)} with early stopping (${sweep.source})`,
        '',
      ];
}

function targetLines({ targets }: CostPlan): readonly string[] {
  if (targets.length === 0) return [];
  return [
    'time to the target quality by batch size',
    ...targets.map(
      ({ batch, seconds, reachedShare, runs }) =>
        `  ${String(batch).padStart(6)}: ${seconds === null ? 'not reached' : `${seconds.toFixed(0)} s`} (${share(reachedShare)} of ${runs} runs reach it)`,
    ),
    '',
  ];
}
