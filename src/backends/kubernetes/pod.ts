import { z } from 'zod';

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
});

export const jobSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.object({ suspend: z.boolean().default(false) }),
  status: z
    .object({
      active: z.int().default(0),
      failed: z.int().default(0),
      conditions: z.array(conditionSchema).default([]),
    })
    .prefault({}),
});

export const podSchema = z.object({
  metadata: z.object({ name: z.string(), creationTimestamp: z.string().default('') }),
  status: z.object({
    phase: z.string().default('Unknown'),
    conditions: z.array(conditionSchema).default([]),
    containerStatuses: z
      .array(
        z.object({
          state: z.object({
            terminated: z
              .object({ exitCode: z.int(), signal: z.int().optional(), reason: z.string().default('') })
              .optional(),
            waiting: z.object({ reason: z.string().default('') }).optional(),
          }),
        }),
      )
      .default([]),
  }),
});

/** A pod as the list has it, and what a watch adds: whether it was deleted. */
export interface Pod extends z.output<typeof podSchema> {
  readonly isDeleted: boolean;
}

export const podListSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().default('') }).prefault({}),
  items: z.array(podSchema),
});

export const eventListSchema = z.object({
  items: z.array(
    z.object({
      type: z.string().default(''),
      reason: z.string().default(''),
      message: z.string().default(''),
      lastTimestamp: z.string().nullable().default(null),
    }),
  ),
});

export type Job = z.output<typeof jobSchema>;

export function holds({ conditions }: { conditions: readonly z.output<typeof conditionSchema>[] }, type: string) {
  return conditions.some((one) => one.type === type && one.status === 'True');
}

export function terminated({ status }: Pod) {
  return status.containerStatuses[0]?.state.terminated;
}
