import { z } from 'zod';
import { compareEvidence, type Evidence, evidenceSchema } from './evidence.ts';

/** The version of drill.json. Format 1 had no facts that another reader could compare. */
export const DRILL_FORMAT = 2;

const drillSchema = z.object({
  format: z.literal(DRILL_FORMAT),
  /** The facts of the drilled program. */
  evidence: evidenceSchema,
  passed: z.boolean(),
  /** One line for each rule that does not hold. */
  problems: z.array(z.string()),
  steps: z.int(),
  /** From the request of a checkpoint to its rename, s: the median. */
  checkpointSeconds: z.number().positive().nullable(),
  /** From the start of an attempt to its first new step, s: the median of those that resume. */
  restartSeconds: z.number().min(0).nullable(),
  checkpointBytes: z.number().nullable(),
  /** Largest difference of the last loss from the uninterrupted run, and what is allowed. */
  lossDifference: z.number().nullable(),
  lossTolerance: z.number().nullable(),
});

/** The result of a resume drill: `drill.json`. */
export type DrillResult = Readonly<z.output<typeof drillSchema>>;

/** A drill of a file, or the reason why it cannot be used. */
export function parseDrill(value: unknown): DrillResult | { readonly reason: string } {
  const parsed = drillSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const older = z.object({ format: z.literal(1), bound: z.string() }).safeParse(value).success;
  return { reason: older ? 'it is of format 1, which does not say what was drilled' : 'it is no result of a drill' };
}

/** Why a drill does not stand for a program; empty where it does. */
export function drillObjections(drill: DrillResult, wanted: Evidence): readonly string[] {
  if (!drill.passed) return ['the drill did not pass', ...drill.problems];
  return compareEvidence('drill', drill.evidence, wanted).map(({ text }) => text);
}
