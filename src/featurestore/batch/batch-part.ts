import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { Sample } from '../../ports/part.ts';
import type { BatchHealth } from './scheduled-view.ts';

export interface BatchStatus {
  readonly batch: readonly (Omit<BatchHealth, 'view'> & { readonly view: string })[];
}

/** The runs of the batch views. */
export const batchPart: PartKind<() => readonly BatchHealth[], BatchStatus> = {
  name: 'batch',
  figures: [
    {
      name: 'headrace_batch_runs_total',
      type: 'counter',
      unit: 'runs',
      labels: ['view', 'outcome'],
      help: 'Runs of a batch view: succeeded or failed',
      read: (batch) =>
        batch().flatMap((health) => {
          const { succeeded, failed } = health;
          return samplesBy({ view: idOf(health) }, 'outcome', { succeeded, failed });
        }),
    },
    {
      name: 'headrace_batch_age_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['view'],
      help: 'Age of the data of the generation that is served',
      read: (batch, now) =>
        batch().flatMap((health): readonly Sample[] =>
          health.asOf === null ? [] : [[{ view: idOf(health) }, (now - health.asOf) / 1_000]],
        ),
    },
    {
      name: 'headrace_batch_lost_share',
      type: 'gauge',
      unit: 'share',
      labels: ['view'],
      help: 'Share of the keys of the generation before that the last run of a batch view lacked, switched to or not',
      read: (batch) =>
        batch().flatMap((health): readonly Sample[] =>
          health.lostShare === null ? [] : [[{ view: idOf(health) }, health.lostShare]],
        ),
    },
    {
      name: 'headrace_batch_overdue_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['view'],
      help: 'How long a run has been due without success; 0 where none is',
      alerts: [
        {
          name: 'HeadraceBatchOverdue',
          expr: 'headrace_batch_overdue_seconds > 0',
          for: '15m',
          severity: 'ticket',
          summary:
            'Batch view {{ $labels.view }} is overdue by {{ $value | humanizeDuration }}. Read its failure in `headrace status`, then run `headrace backfill`.',
        },
      ],
      read: (batch, now) =>
        batch().map((health) => [
          { view: idOf(health) },
          health.overdueSince === null ? 0 : (now - health.overdueSince) / 1_000,
        ]),
    },
  ],
  health: (batch) => batch().flatMap(degradedBatch),
  status: (batch) => ({ batch: batch().map((health) => ({ ...health, view: idOf(health) })) }),
  lines: ({ batch }) => (batch.length === 0 ? [] : ['batch views', ...batch.map(batchLine)]),
};

/** The faults of the runs of a batch view. */
export function degradedBatch(health: BatchHealth): readonly string[] {
  const { generation, overdueSince, failure } = health;
  const served = generation === 0 ? 'nothing is served' : `generation ${generation} is served`;
  const name = `batch view ${idOf(health)}`;
  if (failure !== null)
    return [`${name} failed at ${new Date(failure.at).toISOString()}: ${failure.reason}; ${served}`];
  return overdueSince === null
    ? []
    : [`${name} was due at ${new Date(overdueSince).toISOString()} and has not run; ${served}`];
}

function idOf({ view }: BatchHealth): string {
  return `${view.name}@${view.version}`;
}

function batchLine({ view, generation, succeeded, failed }: BatchStatus['batch'][number]): string {
  return `  ${view}: generation ${generation}, ${succeeded} good and ${failed} failed runs since the start`;
}
