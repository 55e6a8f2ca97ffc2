import type { PartKind } from '../observe/part-kind.ts';
import { stepOf, waitingFor } from './playbook-report.ts';
import type { PlaybookState } from './state.ts';
import { isApplied } from './stopped-feature.ts';

/** A playbook as its part reads it. */
export interface FollowedPlaybook {
  readonly model: string;
  readonly state: PlaybookState;
  /** Why its journal could not be read; null: it could. */
  readonly trouble: string | null;
}

/** The playbooks of a project, as `GET /v1/status` has them. */
export interface PlaybooksStatus {
  readonly playbooks: readonly {
    readonly model: string;
    readonly step: string;
    readonly isFrozen: boolean;
    /** Features with faulty rows. */
    readonly stopped: readonly string[];
    readonly incidents: number;
  }[];
}

type Source = () => Iterable<FollowedPlaybook>;

/** The playbooks of the models of a process. */
export const playbookPart: PartKind<Source, PlaybooksStatus> = {
  name: 'playbooks',
  figures: [
    {
      name: 'headrace_playbook_incidents',
      type: 'gauge',
      unit: 'incidents',
      labels: ['model', 'severity'],
      help: 'Open incidents of the playbook, by severity: page, ticket, digest',
      read: (playbooks) =>
        [...playbooks()].flatMap(({ model, state }) =>
          (['page', 'ticket', 'digest'] as const).map((severity) => [
            { model, severity },
            [...state.incidents.values()].filter((one) => one.severity === severity).length,
          ]),
        ),
    },
    {
      name: 'headrace_playbook_stopped_features',
      type: 'gauge',
      unit: 'features',
      labels: ['model'],
      help: 'Features whose values are faulty: the model learns nothing from the time of the fault, and gets a declared value in faulty rows where that has the lower loss',
      alerts: [
        {
          name: 'HeadracePlaybookFeatureStopped',
          expr: 'headrace_playbook_stopped_features > 0',
          for: '5m',
          severity: 'page',
          summary:
            '{{ $value }} features of model {{ $labels.model }} are faulty. Read which with `headrace playbook status {{ $labels.model }}`.',
        },
      ],
      read: (playbooks) => [...playbooks()].map(({ model, state }) => [{ model }, stoppedOf(state).length]),
    },
    {
      name: 'headrace_playbook_waiting',
      type: 'gauge',
      unit: 'questions',
      labels: ['model', 'step'],
      help: 'Questions of the playbook that wait for the answer of a person, by step: retrain, rollout, promotion',
      read: (playbooks) =>
        [...playbooks()].flatMap(({ model, state }) =>
          (['retrain', 'rollout', 'promotion'] as const).map((step) => [
            { model, step },
            waitingFor(state) === step ? 1 : 0,
          ]),
        ),
    },
    {
      name: 'headrace_playbook_decisions_total',
      type: 'counter',
      unit: 'decisions',
      labels: ['model', 'outcome'],
      help: 'Responses of the playbook that are over, by outcome: promoted, rolledBack, rejected, failed, denied, dryRun',
      read: (playbooks) =>
        [...playbooks()].flatMap(({ model, state }) =>
          OUTCOMES.map((outcome) => [{ model, outcome }, state.past.filter((one) => one.outcome === outcome).length]),
        ),
    },
  ],
  health: (playbooks) =>
    [...playbooks()].flatMap(({ model, state, trouble }) => [
      ...(trouble === null ? [] : [`the playbook of model ${model} cannot be followed: ${trouble}`]),
      ...openStops(state).map((stop) => {
        const served = isApplied(stop)
          ? 'in faulty rows the model gets a declared value'
          : 'the model gets it as it is';
        return `feature ${stop.feature} of model ${model} is faulty: ${served}`;
      }),
      ...(waitingFor(state) === null
        ? []
        : [`the playbook of model ${model} waits for the approval of the ${waitingFor(state)}`]),
    ]),
  status: (playbooks) => ({
    playbooks: [...playbooks()].map(({ model, state }) => ({
      model,
      step: stepOf(state),
      isFrozen: state.frozen !== null,
      stopped: stoppedOf(state),
      incidents: state.incidents.size,
    })),
  }),
  lines: ({ playbooks }) =>
    playbooks.map(
      ({ model, step, isFrozen, stopped, incidents }) =>
        `playbook  ${model}: ${step}${isFrozen ? ', frozen' : ''}, ${incidents} incidents${stopped.length === 0 ? '' : `, stopped ${stopped.join(', ')}`}`,
    ),
};

const OUTCOMES = ['promoted', 'rolledBack', 'rejected', 'failed', 'denied', 'dryRun'] as const;

function openStops({ stopped }: PlaybookState): PlaybookState['stopped'] {
  return stopped.filter(({ to, isDry }) => to === null && !isDry);
}

function stoppedOf(state: PlaybookState): readonly string[] {
  return openStops(state).map(({ feature }) => feature);
}
