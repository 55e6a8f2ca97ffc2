import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import type { Clock } from '../base/time.ts';
import type { ModelData } from '../features/define/declaration.ts';
import { fileDigest } from '../files/file-digest.ts';
import { MODEL_ENCODING } from '../model/model-value.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelLineage, ModelRegistry, ModelVersion } from '../ports/model-registry.ts';
import type { ModelRuntime } from '../ports/model-runtime.ts';
import type { OpenTrainingRun } from '../ports/training-backend.ts';
import { checkParity } from '../registry/parity.ts';
import { loadScorer } from '../registry/scorer.ts';
import { oneChunk, storeContent } from '../registry/store-content.ts';
import { embeddedTrainer, isEmbeddedTrainer, trainerKinds } from './embedded-trainer.ts';
import { declaredCommand } from './job/declared-command.ts';
import { type JobLimits, runTrainingJob } from './job/run-job.ts';
import { jobOf } from './job/training-job.ts';
import { trainLogged } from './train-logged.ts';

export interface TrainModelOptions {
  readonly model: ModelData;
  /** The written training set. */
  readonly trainingSet: Omit<ModelLineage['trainingSet'], 'digest'> & { readonly path: string };
  /** Hash of the declaration. */
  readonly declaration: string;
  /** Directory of the run; its files stay. */
  readonly directory: string;
  /** The program of the embedded trainers. */
  readonly worker: readonly [string, ...string[]];
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  /** Runs the new model over its parity rows before it is registered. */
  readonly runtime: ModelRuntime;
  readonly clock: Clock;
  readonly limits: Omit<JobLimits, 'restarts'> & { readonly restarts?: number | undefined };
  readonly openRun: OpenTrainingRun;
  readonly onLine?: (line: string) => void;
  /** The decision of a playbook that orders it: kept in the lineage. */
  readonly decision?: string;
  /** Ends the job; nothing is registered once it is aborted. */
  readonly signal?: AbortSignal;
  /** Where the clients of MLflow log, for trainers of kind `mlflow`; null: nowhere. */
  readonly tracking: string | null;
  /** Profiles the training set: the reference that served vectors are compared with. */
  readonly profile?: (path: string, features: readonly string[]) => Promise<Uint8Array>;
}

/**
 * Trains in a separate process and registers the result as the model's next version, once it is seen to give the scores
 * of its trainer. Errors: JOB_CANCELLED, TRAINING_*, MODEL_FILE, MODEL_PARITY, ARTIFACT_WRITE, REGISTRY_*.
 */
export async function trainModel(options: TrainModelOptions): Promise<ModelVersion> {
  if (options.model.train.with.kind === 'mlflow') return trainLogged(options);
  const { model, trainingSet, directory, registry, artifacts, runtime, clock } = options;
  const { path, ...lineage } = trainingSet;
  const digest = await fileDigest(path);
  const { result, ledger } = await runTrainingJob({
    command: commandOf(options),
    directory,
    job: jobOf(model, path),
    limits: { ...options.limits, restarts: options.limits.restarts ?? usualRestarts(model) },
    open: options.openRun,
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  // The lineage names the rows that the program read.
  if ((await fileDigest(path)) !== digest)
    throw fail('TRAINING_DATA', { path, reason: 'it changed while the program trained' });
  const { features, input, output } = result;
  const signature = { features, input, output, encoding: MODEL_ENCODING };
  const file = readModel(join(directory, result.model));
  const parity = new TextEncoder().encode(JSON.stringify(result.parity));
  const loaded = await loadScorer(runtime, file, signature);
  try {
    await checkParity({ model: model.name, version: 'new', signature }, loaded, parity);
  } finally {
    await loaded.close();
  }
  const reference = await options.profile?.(
    path,
    model.service.features.map((feature) => feature.name),
  );
  const stored = (bytes: Uint8Array) => storeContent({ registry, artifacts }, oneChunk(bytes), clock());
  const version = {
    model: model.name,
    signature,
    lineage: {
      declaration: options.declaration,
      service: `${model.service.name}@${model.service.version}`,
      trainingSet: { ...lineage, digest },
      trainer: model.train.with,
      run: { attempts: ledger.attempts.length, seconds: ledger.seconds, cost: ledger.cost },
      ...(reference === undefined ? {} : { reference: (await stored(reference)).digest }),
      ...(options.decision === undefined ? {} : { decision: options.decision }),
    },
    metrics: result.metrics,
    artifact: (await stored(file)).digest,
    parity: (await stored(parity)).digest,
    createdAt: clock(),
  };
  if (options.signal?.aborted === true) throw fail('JOB_CANCELLED', { job: `train ${model.name}` });
  const registered = await registry.register(version);
  // The journal and the ledger stay; nobody resumes a run with a version.
  rmSync(join(directory, 'checkpoints'), { recursive: true, force: true });
  return registered;
}

/** A command may not know checkpoints: it would begin from the start each time. */
function usualRestarts({ train }: ModelData): number {
  return isEmbeddedTrainer(train.with.kind) ? 3 : 0;
}

/** The program that a model is trained by: an embedded trainer's, or the declared `command`. Errors: TRAINING_KIND, TRAINING_OPTION. */
function commandOf({ model, worker }: TrainModelOptions): readonly [string, ...string[]] {
  const { kind, command } = model.train.with;
  if (isEmbeddedTrainer(kind)) {
    embeddedTrainer({ options: model.train.with }).parseOptions(model.train.with);
    return worker;
  }
  const declared = kind === 'command' ? declaredCommand(command) : null;
  if (declared !== null) return declared;
  throw fail('TRAINING_KIND', { kind, known: trainerKinds });
}

function readModel(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fail('TRAINING_RESULT', { reason: `the model file ${path} cannot be read` }, error);
  }
}
