import { z } from 'zod';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';

/** Format of specs, part manifests and manifests. */
export const SPEC_FORMAT = 1;

const whole = z.int().min(0);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** The spec of a batch job: immutable, and everything that its output depends on. */
export const batchSpecSchema = z.strictObject({
  format: z.literal(SPEC_FORMAT),
  input: z.strictObject({
    kind: z.enum(['rows', 'spine']),
    fileFormat: z.enum(['parquet', 'csv', 'tsv', 'jsonl']),
    /** Of the file; of several files a hash over theirs. */
    sha256: digest,
    sizeBytes: whole,
    rows: whole,
    /** Of a folder, a pattern or several files: how many there are. */
    files: whole.optional(),
    /** Of a spine: the rows with their features as they were joined, without which the id would not say what is scored. */
    joined: z.strictObject({ sha256: digest, service: z.string(), mode: z.string() }).optional(),
  }),
  model: z.strictObject({
    name: z.string(),
    version: whole,
    digest,
    /** `name@version` of the feature service. */
    service: z.string(),
    features: z.array(z.string()).min(1),
    /** Of a version that another program logged: its output, and the digest of the ONNX file that runs; null: a Python program runs. */
    foreign: z.strictObject({ output: z.string(), onnx: digest.nullable() }).optional(),
    /** The columns of outputs that are written by name; absent: the job writes one score a row. */
    outputs: z.array(z.string()).optional(),
  }),
  options: z.strictObject({
    keep: z.array(z.string()),
    /** Columns of the input that are the features; absent: those of their names. */
    inputs: z.array(z.string()).optional(),
    /** Rows of a partition, but the last. */
    partitionRows: z.int().min(1),
    /** The share of the rows that may be rejected. */
    mostErrors: z.number().min(0).max(1),
  }),
});

export type BatchSpec = z.output<typeof batchSpecSchema>;

/** The id of a job: 32 hex digits of the hash of its spec. The same spec is the same job. */
export function batchJobId(spec: BatchSpec): string {
  return sha256Hex(canonicalJson(JSON.parse(JSON.stringify(spec)))).slice(0, 32);
}

/** Partitions for this number of workers: enough that a slow one delays little. */
const PARTITIONS_A_WORKER = 8;

/** Up to this many workers a job has the same partitions, so the same id. */
const USUAL_WORKERS = 4;

/** Bounds of a partition, so that its inputs fit into the memory of a worker. */
const MOST_ROWS = 262_144;
const MOST_NUMBERS = 2 ** 24;

/** A partition of fewer rows costs more than its rows. */
const LEAST_ROWS = 256;

/** Rows of a partition: at least eight partitions a worker, where there are rows enough. */
export function partitionRowsOf(rows: number, features: number, workers: number): number {
  const shared = Math.ceil(rows / (PARTITIONS_A_WORKER * Math.max(USUAL_WORKERS, workers)));
  return Math.max(1, Math.min(Math.max(shared, LEAST_ROWS), MOST_ROWS, Math.floor(MOST_NUMBERS / features)));
}

/** Rows [from, to) of one partition. */
export interface Partition {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

/** The partitions of a job, which cover its rows in order. */
export function partitionsOf({ input: { rows }, options: { partitionRows } }: BatchSpec): readonly Partition[] {
  return Array.from({ length: Math.ceil(rows / partitionRows) }, (_, index) => {
    const from = index * partitionRows;
    return { index, from, to: Math.min(rows, from + partitionRows) };
  });
}
