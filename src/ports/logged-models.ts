import type { Page, PageQuery } from './registry-query.ts';
import type { KeyText, Metric } from './tracking-store.ts';

export type LoggedModelStatus = 'LOGGED_MODEL_PENDING' | 'LOGGED_MODEL_READY' | 'LOGGED_MODEL_UPLOAD_FAILED';

/** A metric of a logged model, with the run and the data set that it was measured on. */
export interface LoggedModelMetric extends Metric {
  readonly run: string;
  readonly datasetName: string | null;
  readonly datasetDigest: string | null;
}

/** A model that a run wrote, before anybody registers it. Times are epoch ms. */
export interface LoggedModel {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly artifactUri: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly status: LoggedModelStatus;
  readonly modelType: string;
  readonly sourceRun: string;
  readonly tags: readonly KeyText[];
  readonly params: readonly KeyText[];
  readonly metrics: readonly LoggedModelMetric[];
  /** Versions that were registered from it. */
  readonly registrations: readonly { readonly model: string; readonly version: number }[];
}

export interface NewLoggedModel {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly modelType: string;
  readonly sourceRun: string;
  readonly params: readonly KeyText[];
  readonly tags: readonly KeyText[];
  readonly at: number;
}

/** A search over the logged models of experiments. */
export interface LoggedModelQuery extends PageQuery {
  readonly experiments: readonly string[];
  /** Models with a metric on one of these data sets; empty: all. */
  readonly datasets: readonly { readonly name: string; readonly digest: string | null }[];
}

/** Models of runs. Rule 10: a deleted logged model is absent (REGISTRY_ABSENT). */
export interface LoggedModels {
  createLoggedModel(model: NewLoggedModel): Promise<LoggedModel>;
  loggedModel(id: string): Promise<LoggedModel | null>;
  finishLoggedModel(id: string, status: LoggedModelStatus, at: number): Promise<void>;
  deleteLoggedModel(id: string, at: number): Promise<void>;
  tagLoggedModel(id: string, tags: readonly KeyText[], at: number): Promise<void>;
  untagLoggedModel(id: string, key: string): Promise<void>;
  paramLoggedModel(id: string, params: readonly KeyText[]): Promise<void>;
  searchLoggedModels(query: LoggedModelQuery): Promise<Page<LoggedModel>>;
}
