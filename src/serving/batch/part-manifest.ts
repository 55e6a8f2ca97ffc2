import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { batchSpecSchema, SPEC_FORMAT } from './batch-spec.ts';

const whole = z.int().min(0);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const listedFile = z.strictObject({
  /** Name in the folder of the job. */
  file: z.string().regex(/^[\w.-]+$/),
  sizeBytes: whole,
  sha256: digest,
});

/** One partition as an attempt published it. */
export const partSchema = z.strictObject({
  partition: whole,
  /** Rows [from, to) of the input. */
  from: whole,
  to: whole,
  /** Rows in the file; the others of the range are in quarantine. */
  rows: whole,
  /** null: every row of the partition is in quarantine. */
  output: listedFile.nullable(),
  quarantined: whole,
  quarantine: listedFile.nullable(),
});

export type Part = z.output<typeof partSchema>;

/** The manifest of a part: the first that is published counts. */
export const partManifestSchema = z.strictObject({
  format: z.literal(SPEC_FORMAT),
  job: z.string(),
  /** Which attempt wrote it: `<run>-<attempt>`. */
  attempt: z.string(),
  version: whole,
  digest,
  part: partSchema,
});

export type PartManifest = z.output<typeof partManifestSchema>;

/** The manifest of a job: it is written once, when the job is complete, and readers trust only the files that it lists. */
export const batchManifestSchema = z.strictObject({
  format: z.literal(SPEC_FORMAT),
  job: z.string(),
  /** The folder of its files, next to the manifest. */
  folder: z.string(),
  spec: batchSpecSchema,
  rows: whole,
  quarantined: whole,
  parts: z.array(partSchema),
});

export type BatchManifest = z.output<typeof batchManifestSchema>;

/** Reads one of the files of a job. Error: PREDICT_MANIFEST. */
export function parseBatchFile<T>(schema: z.ZodType<T>, text: string, path: string): T {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw fail('PREDICT_MANIFEST', { path, reason: 'it is not JSON' }, error);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [{ path: at, message }] = parsed.error.issues;
  throw fail('PREDICT_MANIFEST', { path, reason: `${at.join('.')}: ${message}` });
}
