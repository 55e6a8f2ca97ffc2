import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { plainNumber } from './csv.ts';
import { parseJsonText } from './json-text.ts';
import { epochMs } from './stamp.ts';
import { parseTable } from './table.ts';

/** One pod or container job. Times in milliseconds; NaN if it did not happen, or is not recorded. */
export interface PodRecord {
  readonly name: string;
  /** The last phase, which says nothing about any one moment. */
  readonly phase: string;
  /** GPUs asked for; a fraction of a shared GPU is below 1. */
  readonly gpus: number;
  readonly createdMs: number;
  readonly scheduledMs: number;
  readonly endedMs: number;
}

/** One node. */
export interface NodeRecord {
  readonly name: string;
  readonly gpus: number;
  readonly model: string;
}

/**
 * A pod list in CSV with the columns name, num_gpu, gpu_milli, pod_phase, creation_time, deletion_time, scheduled_time
 * (seconds), as the Alibaba v2023 trace has it.
 */
export function parsePodCsv(text: string): readonly PodRecord[] {
  const needs = ['pod_phase', 'num_gpu', 'creation_time', 'scheduled_time', 'deletion_time'];
  return parseTable(text, { kind: 'list of pods', needs }).rows.map((row) => {
    const whole = row.number('num_gpu');
    const milli = row.number('gpu_milli');
    return {
      name: row.text('name') ?? '',
      phase: row.text('pod_phase') ?? '',
      gpus: whole === 1 && milli > 0 && milli < 1000 ? milli / 1000 : whole,
      createdMs: epochMs(row.number('creation_time')),
      scheduledMs: epochMs(row.number('scheduled_time')),
      endedMs: epochMs(row.number('deletion_time')),
    };
  });
}

/** A node list in CSV with the columns sn, gpu, model. */
export function parseNodeCsv(text: string): readonly NodeRecord[] {
  return parseTable(text, { kind: 'list of nodes', needs: ['gpu'] }).rows.map((row) => ({
    name: row.text('sn') ?? '',
    gpus: row.number('gpu'),
    model: row.text('model') ?? '',
  }));
}

const quantity = z.union([z.string(), z.number()]).transform((value) => plainNumber(String(value)));
const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    creationTimestamp: z.string().optional(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    containers: z.array(
      z.object({
        resources: z
          .object({
            requests: z.record(z.string(), quantity).optional(),
            limits: z.record(z.string(), quantity).optional(),
          })
          .optional(),
      }),
    ),
  }),
  status: z.object({
    phase: z.string().optional(),
    startTime: z.string().optional(),
    conditions: z
      .array(z.object({ type: z.string(), status: z.string(), lastTransitionTime: z.string().nullish() }))
      .optional(),
    containerStatuses: z
      .array(
        z.object({
          state: z.object({ terminated: z.object({ finishedAt: z.string().nullish() }).optional() }).optional(),
        }),
      )
      .optional(),
  }),
});
const listSchema = z.object({ items: z.array(z.unknown()) });

/** `kubectl get pods -A -o json`. Errors: GPU_DAMAGED. */
export function parsePodList(text: string): readonly PodRecord[] {
  const value = parseJsonText('pod list', text);
  const list = listSchema.safeParse(value);
  if (!list.success) throw fail('GPU_DAMAGED', { kind: 'pod list', reason: 'it has no list of items' });
  return list.data.items.flatMap((item) => {
    const pod = podSchema.safeParse(item);
    return pod.success ? [podRecord(pod.data)] : [];
  });
}

function podRecord({ metadata, spec, status }: z.infer<typeof podSchema>): PodRecord {
  const gpus = spec.containers.reduce((sum, { resources }) => {
    const asked = { ...resources?.requests, ...resources?.limits };
    return (
      sum +
      Object.entries(asked).reduce(
        (count, [name, number]) => count + (/^(nvidia|amd)\.com\/(gpu|mig-.*)$/.test(name) ? number : 0),
        0,
      )
    );
  }, 0);
  const scheduled = status.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'True');
  const finished = status.containerStatuses?.map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? '')) ?? [];
  const ended = finished.filter((time) => !Number.isNaN(time));
  return {
    name: metadata.name,
    phase: status.phase ?? '',
    gpus,
    createdMs: Date.parse(metadata.creationTimestamp ?? ''),
    scheduledMs: Date.parse(scheduled?.lastTransitionTime ?? ''),
    endedMs: ended.length > 0 ? Math.max(...ended) : Date.parse(metadata.deletionTimestamp ?? ''),
  };
}
