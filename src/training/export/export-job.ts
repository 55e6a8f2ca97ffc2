import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';

/** A name that every target takes: DNS labels, Slurm job names, SkyPilot tasks. */
const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/, 'write a-z, 0-9 and -, at most 53 characters');

const exportSchema = z.strictObject({
  version: z.literal(1),
  name,
  /** The training program and its arguments. */
  command: z.array(z.string().min(1)).min(1),
  /** Last step. */
  steps: z.int().positive(),
  /** Machines that the ranks are spread over. */
  nodes: z.int().min(1).max(4096).default(1),
  /** Data for the program, in run.json. */
  options: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/), z.union([z.number(), z.boolean(), z.string()]))
    .default({}),
  /** The most that the run may cost, and the price of an hour of all machines, in one currency. */
  budget: z.number().positive().optional(),
  pricePerHour: z.number().nonnegative().optional(),
  /** Server that takes the job: of Kubernetes (`kubectl proxy` answers at http://127.0.0.1:8001), or the dashboard of Ray. */
  api: z.url({ protocol: /^https?$/ }).optional(),
  /** Namespace of Kubernetes. */
  namespace: name.default('default'),
  /** Processes that run together. */
  ranks: z.int().min(1).max(64).default(1),
  gpus: z.int().min(0).max(64).default(0),
  /** As SkyPilot and Ray name it: `A100`. */
  accelerator: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,40}$/)
    .optional(),
  cpus: z.int().min(1).max(1024).default(1),
  memoryGib: z.int().min(1).max(65_536).default(4),
  /** The most hours of one attempt. */
  hours: z.number().positive().max(8_760).default(24),
  deadlineHours: z.number().positive().optional(),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(600),
  /** Seconds from SIGTERM to the end. */
  graceSeconds: z.int().min(1).max(3_600).default(30),
  /** Interruptible instances. */
  spot: z.boolean().default(false),
  /** The most that an hour may cost, USD. */
  maxHourlyUsd: z.number().positive().optional(),
  /** Folder of the run: shared, or mounted, so that the next attempt finds it. */
  directory: z
    .string()
    .regex(/^\/[^\0\n]*$/, 'write an absolute path')
    .default('/checkpoints'),
  /** Container image, for Kubernetes. */
  image: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$/)
    .optional(),
  /** Volume claim that has the directory, for Kubernetes. */
  claim: name.optional(),
  /** Local queue of Kueue. */
  queue: name.optional(),
  /** Bucket that holds the directory, for SkyPilot: `s3://name`. */
  bucket: z
    .string()
    .regex(/^[a-z0-9]+:\/\/[A-Za-z0-9._/-]+$/)
    .optional(),
  partition: z
    .string()
    .regex(/^[A-Za-z0-9_,-]{1,200}$/)
    .optional(),
  /** Trials of a sweep, as an array of jobs of Slurm. */
  array: z.int().min(1).max(100_000).optional(),
});

export type ExportJob = Readonly<z.output<typeof exportSchema>>;

/** A file for another system, and what that system cannot say. */
export interface Exported {
  readonly file: string;
  readonly text: string;
  /** The command that submits it. */
  readonly submit: string;
  readonly warnings: readonly string[];
}

/** Error: EXPORT_JOB. */
export function parseExportJob(input: unknown): ExportJob {
  const parsed = exportSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail('EXPORT_JOB', { member: issue?.path.join('.') || 'job', reason: issue?.message ?? '' });
  }
  const { command, budget, nodes, options, pricePerHour, ranks } = parsed.data;
  if (budget !== undefined && pricePerHour === undefined)
    throw fail('EXPORT_JOB', { member: 'pricePerHour', reason: 'a budget needs the price of an hour' });
  if (ranks % nodes !== 0)
    throw fail('EXPORT_JOB', {
      member: 'nodes',
      reason: `${ranks} ranks cannot be spread over ${nodes} machines evenly`,
    });
  const unsafe = Object.entries(options).find(([, value]) => /[,\0\r\n]/.test(String(value)));
  if (unsafe !== undefined)
    throw fail('EXPORT_JOB', { member: `options.${unsafe[0]}`, reason: 'a value has a comma, a line break or NUL' });
  const hostile = command.find((word) => /[\0\r\n]/.test(word));
  if (hostile !== undefined) throw fail('EXPORT_JOB', { member: 'command', reason: 'a word has a line break or NUL' });
  return parsed.data;
}

/** The command that the other system starts: the controller, with the program inside. `progressSeconds`: it prints its step. */
export function controllerWords(job: ExportJob, progressSeconds?: number): readonly string[] {
  const { command, steps, ranks, checkpointSeconds, graceSeconds, directory, options, budget, pricePerHour } = job;
  const set = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  return [
    ...['headrace', 'train', 'run', '--directory', directory, '--steps', String(steps)],
    ...['--ranks', String(ranks), '--checkpoint-every', String(checkpointSeconds), '--grace', String(graceSeconds)],
    ...(progressSeconds === undefined ? [] : ['--progress', String(progressSeconds)]),
    ...(set.length === 0 ? [] : ['--set', set.join(',')]),
    ...(budget === undefined ? [] : ['--budget', String(budget)]),
    ...(pricePerHour === undefined ? [] : ['--price-per-hour', String(pricePerHour)]),
    ...['--', ...command],
  ];
}

/**
 * Refuses a job of several machines: the controller inside of the file starts all ranks on its own. A file that asked for one machine
 * would run another job. Error: EXPORT_JOB.
 */
export function checkOneMachine({ nodes }: ExportJob, system: string): void {
  if (nodes === 1) return;
  throw fail('EXPORT_JOB', {
    member: 'nodes',
    reason: `a file for ${system} has one machine, and the job has ${nodes}: headrace train run --on slurm spreads its ranks with srun`,
  });
}

/** Words as a POSIX shell reads them back. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[A-Za-z0-9_./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** Warnings that hold for every system which restarts the job without a policy. Error: EXPORT_JOB for several machines. */
export function policyWarnings(job: ExportJob, system: string): readonly string[] {
  checkOneMachine(job, system);
  const { deadlineHours, spot } = job;
  if (deadlineHours === undefined || !spot) return [];
  return [
    `${system} knows no deadline and no policy such as Uniform Progress: it may wait for spot until the deadline is lost`,
  ];
}
