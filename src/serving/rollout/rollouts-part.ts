import type { PartKind } from '../../observe/part-kind.ts';
import type { Sample } from '../../ports/part.ts';
import type { CallLanes } from './call-lanes.ts';
import type { Evidence, LaneEvidence } from './evidence.ts';
import type { FollowedRollouts } from './followed-rollouts.ts';
import { percentOf } from './lane.ts';

type Source = () => Iterable<Pick<FollowedRollouts<CallLanes>, 'data' | 'lanes' | 'trouble'>>;

/** The rollouts under way, as `GET /v1/status` has them. */
export interface RolloutsStatus {
  readonly rollouts: readonly {
    readonly model: string;
    readonly rollout: string;
    readonly state: string;
    readonly champion: number;
    readonly candidate: number;
    readonly percent: number;
    readonly reason: string;
  }[];
}

/** Rollouts that this process follows. */
export const rolloutsPart: PartKind<Source, RolloutsStatus> = {
  name: 'rollouts',
  figures: [
    {
      name: 'headrace_rollout_percent',
      type: 'gauge',
      unit: 'percent',
      labels: ['model', 'state'],
      help: 'Percentage of callers that the candidate of the rollout under way answers; no sample without one',
      alerts: [
        {
          name: 'HeadraceRolloutHeld',
          expr: 'headrace_rollout_percent{state="held"} >= 0',
          for: '6h',
          severity: 'ticket',
          summary:
            'The rollout of model {{ $labels.model }} is held at {{ $value }} %. Read why with `headrace rollout status {{ $labels.model }}`.',
        },
      ],
      read: (models) =>
        following(models).map(({ data, rollout }) => [{ model: data.name, state: rollout.state }, percentOf(rollout)]),
    },
    {
      name: 'headrace_rollout_predictions_total',
      type: 'counter',
      unit: 'predictions',
      labels: ['model', 'lane', 'outcome'],
      help: 'Requested predictions of the lanes (canary, baseline, shadow) of the rollout under way, and their runs with errors, timeouts and the like',
      read: (models) => following(models).flatMap(({ data, evidence }) => laneSamples(data.name, evidence)),
    },
    {
      name: 'headrace_rollout_copies_dropped_total',
      type: 'counter',
      unit: 'predictions',
      labels: ['model'],
      help: 'Copies of requests that the shadow of the rollout under way had no room for',
      read: (models) => following(models).map(({ data, evidence }) => [{ model: data.name }, evidence.copies.dropped]),
    },
  ],
  health: (models) =>
    [...models()].flatMap(({ data, lanes: { rollout, loadTrouble }, trouble }) => [
      ...(loadTrouble === null
        ? []
        : [`the rollout of model ${data.name} has a version that is not loaded; the champion answers: ${loadTrouble}`]),
      ...(trouble === null ? [] : [`the rollout of model ${data.name} cannot be followed: ${trouble}`]),
      ...(rollout?.state === 'held'
        ? [`the rollout of model ${data.name} to version ${rollout.candidate} is held: ${rollout.reason}`]
        : []),
    ]),
  status: (models) => ({
    rollouts: following(models).map(({ data, rollout }) => ({
      model: data.name,
      rollout: rollout.id,
      state: rollout.state,
      champion: rollout.champion,
      candidate: rollout.candidate,
      percent: percentOf(rollout),
      reason: rollout.reason,
    })),
  }),
  lines: ({ rollouts }) =>
    rollouts.map(
      ({ model, state, champion, candidate, percent }) =>
        `rollout   ${model}: version ${champion} → ${candidate}, ${state}, ${percent} % of callers`,
    ),
};

function following(models: Source) {
  return [...models()].flatMap(({ data, lanes }) => {
    const { rollout } = lanes;
    return rollout === null ? [] : [{ data, rollout, evidence: lanes.evidence() }];
  });
}

function laneSamples(model: string, { canary, baseline, shadow }: Evidence): readonly Sample[] {
  return Object.entries({ canary, baseline, shadow }).flatMap(([lane, counted]) =>
    Object.entries(outcomesOf(counted)).map(([outcome, count]): Sample => [{ model, lane, outcome }, count]),
  );
}

function outcomesOf({ requests, errors, timeouts, nonFinite, outOfRange, slow }: LaneEvidence) {
  return { requested: requests, errors, timeouts, non_finite: nonFinite, out_of_range: outOfRange, slow };
}
