import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { csvRows } from './csv.ts';

/** One pod or container job. Times in milliseconds; NaN if it did not happen. */
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
  const { header, rows } = csvRows(text);
  const at = (row: readonly string[], name: string) => row[header.indexOf(name)] ?? '';
  const seconds = (value: string) => (value.trim() === '' ? Number.NaN : Number(value) * 1000);
  return rows.map((row) => {
    const whole = Number(at(row, 'num_gpu')) || 0;
    const milli = Number(at(row, 'gpu_milli'));
    return {
      name: at(row, 'name'),
      phase: at(row, 'pod_phase'),
      gpus: whole === 1 && milli > 0 && milli < 1000 ? milli / 1000 : whole,
      createdMs: seconds(at(row, 'creation_time')),
      scheduledMs: seconds(at(row, 'scheduled_time')),
      endedMs: seconds(at(row, 'deletion_time')),
    };
  });
}

/** A node list in CSV with the columns sn, gpu, model. */
export function parseNodeCsv(text: string): readonly NodeRecord[] {
  const { header, rows } = csvRows(text);
  const at = (row: readonly string[], name: string) => row[header.indexOf(name)] ?? '';
  return rows.map((row) => ({ name: at(row, 'sn'), gpus: Number(at(row, 'gpu')) || 0, model: at(row, 'model') }));
}

const quantity = z.union([z.string(), z.number()]).transform(Number);
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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail('GPU_DAMAGED', { kind: 'pod list', reason: 'it is not JSON' }, error);
  }
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
        (count, [name, number]) => count + (/^(nvidia|amd)\.com\/(gpu|mig-.*)$/.test(name) && number > 0 ? number : 0),
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
