import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { type Evidence, evidenceOf } from '../evidence/evidence.ts';
import { optionsText } from '../evidence/options-text.ts';
import { programFacts } from '../evidence/program-files.ts';

const positive = z.number().positive().finite();
/** 4 minutes to provision and 5 to set up (Can't Be Late, NSDI 2024, table 4). */
const USUAL_PROVISION_S = 540;

const precisions = ['fp32', 'tf32', 'fp16', 'bf16', 'fp8'] as const;

/** A training job as a user describes it: `job.json`. */
const jobSchema = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1).max(200),
  /** Time that the job takes now, without interruptions. */
  hours: positive,
  gpus: z.int().min(1).max(100_000),
  gpusPerNode: z.int().min(1).max(64).default(8),
  /** As in the catalogue: `A100`, `A100-80GB`. */
  accelerator: z.string().min(1).max(100),
  /** The bill of today, USD; compared with hours, nodes and price. */
  billUsd: positive.optional(),
  deadlineHours: positive.optional(),
  /** The largest share of runs that may end after the deadline. */
  mostMissed: z.number().min(0).max(1).default(0.01),
  /** Data that a move to another region or provider takes along, and its price; 0.09 USD is the first step of AWS's list for egress. */
  dataGib: z.number().min(0).optional(),
  egressUsdPerGib: z.number().min(0).default(0.09),
  /** The offer that the job runs on now, by its name; or its price for a node and an hour. */
  offer: z.string().optional(),
  onDemandUsd: positive.optional(),
  spotUsd: positive.optional(),
  model: z.string().max(200).optional(),
  /** The revision of the code, as the profile has it. */
  revision: z.string().max(200).optional(),
  precision: z.enum(precisions).optional(),
  compiled: z.boolean().default(false),
  gradients16Bit: z.boolean().default(false),
  fusedAttention: z.boolean().optional(),
  gpuMemoryGib: positive.optional(),
  /** For the memory: trained parameters, the optimiser, an FP32 copy next to 16-bit parameters, and what is divided over GPUs (ZeRO). */
  parameters: positive.optional(),
  optimizer: z.enum(['adam', 'momentum', 'sgd']).default('adam'),
  masterWeights: z.boolean().default(false),
  zeroStage: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]).default(0),
  /** The command or run that checks quality: it allows techniques that change training. */
  qualityGate: z.string().max(500).optional(),
  /** Measured by a drill: blocked time and restart. */
  checkpoint: z
    .strictObject({ blockedS: positive, restartS: z.number().min(0), persistLagS: z.number().min(0).default(0) })
    .optional(),
  /** The training program and its arguments, as it is started in the folder of the job's file. */
  command: z.array(z.string().min(1)).min(1).max(1000).optional(),
  /** Options of the program in run.json. */
  options: z.record(z.string(), z.json()).default({}),
  /** The drill.json that proves that the job resumes, from the folder of the job's file. Without it, spot is blocked. */
  drill: z.string().min(1).optional(),
  /** From the request of a node until its program starts; the restart of a drill does not have it. */
  provisionS: z.number().min(0).max(86_400).default(USUAL_PROVISION_S),
  /** Instances of the spot traces that stand for the gang; the nodes of the job if left out. */
  traceNodes: z.int().min(1).optional(),
  /** A transformer, for its utilisation. */
  transformer: z
    .strictObject({
      parameters: positive,
      layers: z.int().min(1),
      heads: z.int().min(1),
      headSize: z.int().min(1),
      sequence: z.int().min(1),
      tokensPerStep: positive,
      recompute: z.boolean().default(false),
    })
    .optional(),
  /** Runs to the target quality by batch size, for techniques that change the batch. */
  targetRuns: z
    .array(z.strictObject({ batch: z.int().min(1), epochs: positive.nullable(), epochS: positive }))
    .max(10_000)
    .optional(),
  /** Steps under power limits of each GPU, measured; and the price of energy where it is not part of the price of a node. */
  powerRuns: z
    .array(z.strictObject({ limitW: positive, stepS: positive, averageW: positive }))
    .max(100)
    .optional(),
  usdPerKwh: z.number().min(0).max(10).default(0),
  /** A search over settings before the job: full trials that it would run. */
  sweep: z.strictObject({ trials: z.int().min(2).max(100_000), hoursPerTrial: positive }).optional(),
});

/** A drill next to a job: every reason why it does not stand for it; empty where it does. */
export interface DrillProof {
  readonly objections: readonly string[];
  /** Differences with which it stands nevertheless. */
  readonly notes?: readonly string[];
}

/** A job with its defaults. */
export type Job = z.output<typeof jobSchema> & {
  /** The facts that evidence must have to stand for the job. */
  readonly evidence: Evidence;
  readonly proof: DrillProof | null;
};

/** Parses a job; `folder`: where its command starts. Errors: COST_JOB for wrong or contradictory facts. */
export function parseJob(value: unknown, folder?: string): Job {
  const parsed = jobSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail('COST_JOB', { reason: `${issue?.path.join('.') || 'job'}: ${issue?.message ?? 'not valid'}` });
  }
  const { hours, deadlineHours, gpus, gpusPerNode } = parsed.data;
  if (deadlineHours !== undefined && deadlineHours < hours)
    throw fail('COST_JOB', { reason: `the deadline of ${deadlineHours} h is shorter than the work of ${hours} h` });
  if (gpus > gpusPerNode && gpus % gpusPerNode !== 0)
    throw fail('COST_JOB', { reason: `${gpus} GPUs are no whole number of nodes of ${gpusPerNode}` });
  return { ...parsed.data, evidence: evidenceOfJob(parsed.data, folder), proof: null };
}

function evidenceOfJob(job: z.output<typeof jobSchema>, folder: string | undefined): Evidence {
  const { command, options, gpus, revision, accelerator, model, precision } = job;
  const program = command === undefined ? {} : folder === undefined ? { command } : programFacts(command, folder);
  return evidenceOf({
    ...program,
    options: optionsText(options),
    worldSize: gpus,
    nodes: nodesOf(job),
    revision: revision ?? null,
    hardware: accelerator,
    model: model ?? null,
    precision: precision ?? null,
  });
}

/** Reads `job.json`. Errors: COST_FILE, COST_JOB. */
export async function readJob(path: string): Promise<Job> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const reason = error instanceof Error ? (error.message.split(',')[0] ?? '') : String(error);
    throw fail('COST_FILE', { path, reason }, error);
  });
  try {
    return parseJob(JSON.parse(text), dirname(resolve(path)));
  } catch (error) {
    if (error instanceof SyntaxError) throw fail('COST_JOB', { reason: `${path} is not whole JSON` }, error);
    throw error;
  }
}

/** The nodes of a job. */
export function nodesOf({ gpus, gpusPerNode }: Pick<Job, 'gpus' | 'gpusPerNode'>): number {
  return Math.ceil(gpus / gpusPerNode);
}
