import type { ModelData } from '../../features/define/declaration.ts';
import { modelInputs } from '../../model/model-inputs.ts';

/** Format of job.json and result.json. */
export const JOB_FORMAT = 1;

/** The input of a training program: `job.json` in its directory (named by HEADRACE_JOB). */
export interface TrainingJob {
  readonly format: typeof JOB_FORMAT;
  readonly model: string;
  readonly task: 'binary' | 'regression';
  /** Parquet file of the training set: `_id`, `_at`, the features, `_label` (true is 1). */
  readonly trainingSet: string;
  /** Feature columns that are numbers or booleans, in the order of the service: what a model can read. */
  readonly features: readonly string[];
  /** The trainer's options, as declared under `train.with`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Its output: `result.json` in its directory. */
export interface TrainingResult {
  readonly format: typeof JOB_FORMAT;
  /** Name of the ONNX file in the directory. */
  readonly model: string;
  /** Names of its input tensor (float32 [n, features], NaN where one is missing) and of its output (float32 [n]). */
  readonly input: string;
  readonly output: string;
  /** Features of the input's columns, in order; a part of the job's. */
  readonly features: readonly string[];
  readonly metrics: Readonly<Record<string, number>>;
  /** Rows of the input (null: missing) with the scores that the trainer gave them. */
  readonly parity: { readonly rows: readonly (readonly (number | null)[])[]; readonly scores: readonly number[] };
}

/** The job of a model over a written training set. */
export function jobOf(model: ModelData, trainingSet: string): TrainingJob {
  return {
    format: JOB_FORMAT,
    model: model.name,
    task: model.task,
    trainingSet,
    features: modelInputs(model.service).map(({ name }) => name),
    options: model.train.with,
  };
}
