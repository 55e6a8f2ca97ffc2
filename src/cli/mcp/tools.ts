import { z } from 'zod';
import type { Command } from '../command.ts';
import { costPlan } from '../commands/cost/plan.ts';
import { driftCompare } from '../commands/drift-compare.ts';
import { driftReport } from '../commands/drift-report.ts';
import { driftStatus } from '../commands/drift-status.ts';
import { featuresGet } from '../commands/features-get.ts';
import { gpuCommands } from '../commands/gpu.ts';
import { models } from '../commands/models.ts';
import { playbookApprove, playbookLog } from '../commands/playbook.ts';
import { rolloutPromote, rolloutRollback, rolloutStatus } from '../commands/rollout.ts';
import { slo } from '../commands/slo.ts';
import { status } from '../commands/status.ts';

type Shape = Readonly<Record<string, z.ZodType>>;

/** A tool of the Model Context Protocol: a command of the command line, with arguments by name. */
export interface McpTool {
  readonly name: string;
  readonly description: string;
  readonly command: Command;
  readonly input: Shape;
  /** Whether it changes anything: it then works through a server with a key. */
  readonly acts: boolean;
  /** Whether the command takes `--server`. */
  readonly asks: boolean;
  /** The words of the command, and its options by name. */
  readonly callOf: (input: never) => ToolCall;
}

/** An option has a text, several of them, or none (true). */
export interface ToolCall {
  readonly words: readonly string[];
  readonly options?: Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
}

const gpu = (word: string) => gpuCommands.find(({ name }) => name[1] === word) as Command;

function tool<const S extends Shape>(
  one: Omit<McpTool, 'input' | 'callOf' | 'acts' | 'asks'> &
    Partial<Pick<McpTool, 'acts' | 'asks'>> & {
      readonly input: S;
      readonly callOf: (input: { readonly [K in keyof S]: z.infer<S[K]> }) => ToolCall;
    },
): McpTool {
  return { acts: false, asks: false, ...one };
}

const model = z.string().describe('name of the model');
const reason = z.string().max(1_000).describe('why, for the record');
const path = z.string().min(1);

/** Every tool. Those that act are offered with `--allow-acting` alone. */
export const mcpTools: readonly McpTool[] = [
  tool({
    name: 'read_features',
    description: 'Reads one feature vector: values, missing features with reasons, stale lookups, ages.',
    command: featuresGet as Command,
    asks: true,
    input: {
      service: z.string().describe('name of the feature service'),
      request: z
        .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
        .describe('the columns of the request'),
    },
    callOf: ({ service, request }) => ({
      words: [service, ...Object.entries(request).map(([column, value]) => `${column}=${value}`)],
    }),
  }),
  tool({
    name: 'read_status',
    description: 'The state of a running server: ingest, views, services, and deviations from the declaration.',
    command: status as Command,
    input: {},
    callOf: () => ({ words: [] }),
  }),
  tool({
    name: 'explain_gpu_cause',
    description: 'Explains a cause of a GPU diagnosis: its evidence, its fix, and what would disprove it.',
    command: gpu('explain'),
    input: { cause: z.string().describe('a cause of a GPU diagnosis, such as data-pipeline') },
    callOf: ({ cause }) => ({ words: [cause] }),
  }),
  tool({
    name: 'explain_budgets',
    description: 'Compares each declared budget of latency and freshness with what running servers measured.',
    command: slo as Command,
    input: {},
    callOf: () => ({ words: [] }),
  }),
  tool({
    name: 'explain_loss',
    description: 'Says how much of a change of the loss of a model each feature explains, between two instants.',
    command: driftReport as Command,
    input: { model, from: z.string().describe('begin, UTC'), to: z.string().describe('end, UTC') },
    callOf: ({ model: name, from, to }) => ({ words: [name], options: { of: 'causes', from, to } }),
  }),
  tool({
    name: 'compare_files',
    description: 'Compares two Parquet or CSV files: faults of the data first, then features that drifted.',
    command: driftCompare as Command,
    input: { reference: path.describe('path of the reference'), current: path.describe('path of the current data') },
    callOf: ({ reference, current }) => ({ words: [reference, current] }),
  }),
  tool({
    name: 'read_drift',
    description: 'What the monitors of the champions find now.',
    command: driftStatus as Command,
    input: {},
    callOf: () => ({ words: [] }),
  }),
  tool({
    name: 'read_drift_decisions',
    description: 'The decision log of the playbook of a model: what was found, what was decided, and why.',
    command: playbookLog as Command,
    asks: true,
    input: { model },
    callOf: ({ model: name }) => ({ words: [name] }),
  }),
  tool({
    name: 'diagnose_trace',
    description: 'Ranks what limits the GPUs, from traces, counters and scheduler records in files.',
    command: gpu('diagnose'),
    input: { files: z.array(path).min(1).max(100).describe('paths of files or folders') },
    callOf: ({ files }) => ({ words: files }),
  }),
  tool({
    name: 'plan_cost',
    description: 'Plans a cheaper training job from its description and its profiles.',
    command: costPlan as Command,
    input: {
      job: path.describe('path of job.json'),
      profiles: z.array(path).max(20).describe('paths of profiles; without one there is no figure, only ranges'),
      prices: path.optional().describe('path of imported prices'),
    },
    callOf: ({ job, profiles, prices }) => ({ words: [job], options: { profile: profiles, prices } }),
  }),
  tool({
    name: 'list_runs',
    description: 'The versions of the declared models, trained and logged, with their metrics and aliases.',
    command: models as Command,
    asks: true,
    input: { model: model.optional() },
    callOf: ({ model: name }) => ({ words: name === undefined ? [] : [name] }),
  }),
  tool({
    name: 'list_rollouts',
    description: 'The newest rollout of a model with its numbers and events.',
    command: rolloutStatus as Command,
    asks: true,
    input: { model },
    callOf: ({ model: name }) => ({ words: [name] }),
  }),
  tool({
    name: 'promote_rollout',
    description: 'Acts: makes the version of a rollout the champion now.',
    command: rolloutPromote as Command,
    acts: true,
    asks: true,
    input: { model, reason },
    callOf: ({ model: name, reason: why }) => ({ words: [name], options: { reason: why } }),
  }),
  tool({
    name: 'roll_back_rollout',
    description: 'Acts: rolls back the rollout of a model.',
    command: rolloutRollback as Command,
    acts: true,
    asks: true,
    input: { model, reason },
    callOf: ({ model: name, reason: why }) => ({ words: [name], options: { reason: why } }),
  }),
  tool({
    name: 'approve_playbook',
    description: 'Acts: approves, or denies, the step for which the playbook of a model waits.',
    command: playbookApprove as Command,
    acts: true,
    asks: true,
    input: { model, reason, deny: z.boolean().optional().describe('deny instead') },
    callOf: ({ model: name, reason: why, deny }) => ({ words: [name], options: { reason: why, deny } }),
  }),
];
