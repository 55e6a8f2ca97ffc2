import { availableParallelism } from 'node:os';
import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { SpineOptions } from '../../featurestore/training-set/spine.ts';
import { textPlaces } from '../../model/row-inputs.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { RemoteWrites } from '../../ports/remote-writes.ts';
import type { ScoreEngine } from '../../ports/score-engine.ts';
import type { ScoreFiles, ScoreFormat } from '../../ports/score-files.ts';
import type { VersionTools } from '../../versions/load/load-for-job.ts';
import { columnsOfOutput } from '../../versions/load/model-output.ts';
import type { ScoredVersion } from '../../versions/load/scored-version.ts';
import type { BatchProgress } from './batch-progress.ts';
import { type BatchSpec, batchJobId, partitionRowsOf, SPEC_FORMAT } from './batch-spec.ts';
import { type DataSetOptions, runDataSet } from './data-set.ts';
import { type InputTable, openInput, type SpineJoin } from './input-table.ts';
import { versionOf, whileHeld } from './job-version.ts';
import { RemoteSide } from './remote-side.ts';
import { type FinishedJob, runJob } from './run-job.ts';
import { type ShadowSummary, shadowJob } from './shadow-job.ts';
import { type BatchRollouts, shadowPlanOf } from './shadow-plan.ts';
import type { WorkerProgram } from './worker-process.ts';

/** A model of the registry that no project declares: jobs write its outputs by name. */
export interface RegistryModel {
  readonly kind: 'registered';
  readonly name: string;
}

/** The model of a job. */
export type BatchModel = ModelData | RegistryModel;

/** A batch job as it is asked for. */
export interface BatchOptions {
  /** The input: a file, a folder, a pattern, or several of them; or `s3://bucket/key`. */
  readonly from: string | readonly string[];
  /** By the ending of the name where it is left out. */
  readonly format?: ScoreFormat | undefined;
  /** The output folder; or `s3://bucket/prefix`. */
  readonly to: string;
  /** The folder is a data set that other programs read as it is: no manifest lists its files. */
  readonly dataSet?: DataSetOptions | undefined;
  /** Outputs of the version, each of which is written by its name, as the model gives it; one score a row where it is left out. */
  readonly outputs?: readonly string[] | undefined;
  /** The champion's where it is left out; resolved once. */
  readonly version?: number | undefined;
  /** The rows are requests of the model's service: they get the features of their instants first. */
  readonly spine?: (Omit<SpineOptions, 'path' | 'format'> & { readonly mode?: ReadMode }) | undefined;
  /** Columns of the input that the model reads, in the order of its features; those of their names where it is left out. */
  readonly inputs?: readonly string[] | undefined;
  /** Columns of the input that go into the output; those that are no features where it is left out. */
  readonly keep?: readonly string[] | undefined;
  /** Worker processes; one a core where it is left out. */
  readonly workers?: number | undefined;
  /** The share of the rows that may be rejected (0.01). */
  readonly mostErrors?: number | undefined;
  /** Replaces the output of another job. */
  readonly replace?: boolean | undefined;
  /** A run of the model that takes longer counts as hung, ms. */
  readonly runTimeoutMs?: number | undefined;
  /** Scores by the engine over the history, such as Spark, instead of worker processes of this machine. */
  readonly engine?: boolean | undefined;
  /** Receives the progress of the engine as text. */
  readonly onEngine?: ((text: string) => void) | undefined;
  /**
   * A version that scores the rows too, next to the result, after it; `none`: no version. Left out: the candidate, while the model has
   * a rollout in the shadow or the canary and the job is of its champion.
   */
  readonly shadow?: number | 'none' | undefined;
  /** A shadow that takes longer is dropped, ms; twice the job's own time, and a minute at least, where it is left out. */
  readonly shadowWithinMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined;
  /** Receives the id of each worker process as it starts. */
  readonly onWorker?: ((pid: number) => void) | undefined;
}

/** The output of a finished job. */
export interface BatchSummary {
  readonly job: string;
  readonly model: string;
  readonly version: number;
  readonly digest: string;
  /** The output folder or its address. */
  readonly path: string;
  /** Rows of the input. */
  readonly rows: number;
  readonly quarantined: number;
  /** The Parquet files of the output, in the order of the rows. */
  readonly files: readonly string[];
  /** False: the output was there already. */
  readonly isNew: boolean;
}

/** A started job. */
export interface BatchJob {
  readonly id: string;
  readonly spec: BatchSpec;
  readonly result: Promise<BatchSummary>;
  /**
   * The comparison with the challenger, which begins when the result is there; null: no version shadows the job. It never rejects. Keep
   * the project open until it is there.
   */
  readonly shadow: Promise<ShadowSummary | null>;
}

/** The stores and tools of batch jobs. */
export interface BatchContext extends Pick<VersionTools, 'artifacts'> {
  readonly registry: ModelRegistry;
  readonly files: ScoreFiles;
  readonly joins: SpineJoin;
  readonly program: WorkerProgram;
  /** The engine that scores by request; or, where there is none, the kind of the engine over the history. */
  readonly scores: () => ScoreEngine | string;
  /** Opens what looks at versions that other programs logged, where a crash harms nobody; close it. */
  readonly openVersions: () => Promise<OpenedTools>;
  /** For copies of inputs. */
  readonly scratch: string;
  /** For parts of remote outputs until they are uploaded. */
  readonly outgoing: string;
  /** Opens the object store of `s3://` addresses. Error: REMOTE_CLIENT. */
  readonly openStore: () => Promise<RemoteWrites>;
  readonly monotonic: () => number;
  /** Left out: rollouts take no part. */
  readonly rollouts?: BatchRollouts | undefined;
}

/** Tools that are closed after use. */
export interface OpenedTools extends VersionTools {
  close(): Promise<void>;
}

const MOST_ERRORS = 0.01;

/**
 * Starts a batch job: resolves the version, fixes the spec, and runs what is not published yet. The same spec is the same job: it
 * resumes, and when its output is there nothing is done.
 * Errors: MODEL_NONE, REGISTRY_VERSION, PYTHON_*, PREDICT_*, REMOTE_*, SPINE_*.
 */
export async function startBatch(model: BatchModel, options: BatchOptions, context: BatchContext): Promise<BatchJob> {
  checkOptions(options);
  const scored = await versionOf(model, options, context);
  const { version, foreign } = scored;
  const declared = model.kind === 'model' && scored.outputs === undefined ? model : null;
  if (declared === null) mustFitOutputs(options);
  const plan =
    declared === null
      ? null
      : await shadowPlanOf(declared, { shadow: options.shadow, version: version.version }, context.rollouts ?? null);
  const from = [options.from].flat();
  const remote = await RemoteSide.open({ ...context, from, to: options.to });
  let opened: InputTable;
  try {
    opened = await inputOf(model, scored, options, { ...context, remote });
  } catch (error) {
    remote.close(false);
    throw error;
  }
  const workers = options.workers ?? availableParallelism();
  const { input, table } = opened;
  const spec: BatchSpec = {
    format: SPEC_FORMAT,
    input,
    model: {
      name: model.name,
      version: version.version,
      digest: version.artifact,
      service: version.lineage.service,
      features: [...version.signature.features],
      ...(foreign === null ? {} : { foreign: { output: foreign.output, onnx: foreign.onnx } }),
      ...(scored.outputs === undefined ? {} : { outputs: scored.outputs.flatMap(columnsOfOutput) }),
    },
    options: {
      keep: [...table.keep],
      ...(options.inputs === undefined ? {} : { inputs: [...options.inputs] }),
      partitionRows: partitionRowsOf(input.rows, table.features.length, workers),
      mostErrors: options.mostErrors ?? MOST_ERRORS,
    },
  };
  const id = batchJobId(spec);
  const job = { id, spec, scored, opened, workers, output: remote.output };
  const run = whileHeld(job, context.registry, () =>
    options.dataSet === undefined ? runJob(job, options, context) : runDataSet(job, options.dataSet, options, context),
  );
  const shadow = run.then(
    (done) =>
      plan === null || declared === null ? null : shadowJob({ model: declared, plan, job, done, options, context }),
    () => null,
  );
  const closed = closing(opened, remote, run, shadow);
  const result = (plan === null ? closed : run).then(({ summary }) => summary);
  // The caller may look at it later.
  result.catch(() => undefined);
  const compared = closed.then(
    () => shadow,
    () => null,
  );
  return { id, spec, result, shadow: compared };
}

/** Ends the use of the input's copies with the job and its shadow. */
async function closing(
  { copy }: InputTable,
  remote: RemoteSide,
  job: Promise<FinishedJob>,
  shadow: Promise<unknown>,
): Promise<FinishedJob> {
  let isFinished = false;
  try {
    const done = await job;
    await shadow;
    done.drop();
    isFinished = true;
    return done;
  } finally {
    copy?.close(isFinished);
    remote.close(isFinished);
  }
}

function inputOf(
  model: BatchModel,
  { version, foreign, outputs }: ScoredVersion,
  { from, format, spine, keep, inputs }: BatchOptions,
  { files, joins, scratch, remote }: BatchContext & { readonly remote: RemoteSide },
): Promise<InputTable> {
  const { mode = 'corrected', ...options } = spine ?? {};
  const features = inputs ?? version.signature.features;
  const texts = foreign === null ? [] : [...textPlaces(foreign.inputs)].map((place) => features[place]);
  return openInput({
    paths: remote.inputPaths([from].flat()),
    isOwn: remote.copy !== null,
    format: format ?? null,
    spine: spine === undefined ? null : { options, mode },
    service: model.kind === 'model' ? model.service : null,
    features,
    texts: new Set(texts),
    answers: outputs?.flatMap(columnsOfOutput) ?? ['score'],
    keep: keep ?? null,
    files,
    joins,
    scratch,
  });
}

/** A shadow and an engine compare and write one score a row. Errors: PREDICT_OPTION, PREDICT_ENGINE_OUTPUTS. */
function mustFitOutputs({ shadow, engine }: BatchOptions): void {
  if (typeof shadow === 'number') throw fail('PREDICT_SHADOW', { shadow });
  if (engine === true) throw fail('PREDICT_ENGINE_OUTPUTS', {});
}

/** Options that no JSON holds, or that would bound nothing, never reach a spec. Error: PREDICT_OPTION. */
function checkOptions({ mostErrors = MOST_ERRORS, workers = 1 }: BatchOptions): void {
  if (!(mostErrors >= 0 && mostErrors <= 1)) throw fail('PREDICT_OPTION', { option: 'mostErrors', value: mostErrors });
  if (!(Number.isInteger(workers) && workers >= 1)) throw fail('PREDICT_OPTION', { option: 'workers', value: workers });
}
