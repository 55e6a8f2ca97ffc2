/** A kind of search, with the fields that its filters and orders may name. */
export interface FilterTarget {
  readonly name: string;
  readonly attributes: Readonly<Record<string, 'text' | 'number'>>;
  /** Other names of attributes. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly has: { readonly metric: boolean; readonly param: boolean; readonly tag: boolean; readonly dataset: boolean };
}

const all = { metric: true, param: true, tag: true, dataset: true };
const tagsOnly = { metric: false, param: false, tag: true, dataset: false };

/** The searches of the registry. */
export const filterTargets = {
  runs: {
    name: 'runs',
    attributes: {
      run_id: 'text',
      run_name: 'text',
      status: 'text',
      user_id: 'text',
      artifact_uri: 'text',
      experiment_id: 'number',
      start_time: 'number',
      end_time: 'number',
    },
    aliases: {
      created: 'start_time',
      Created: 'start_time',
      'run name': 'run_name',
      'Run name': 'run_name',
      'run id': 'run_id',
    },
    has: all,
  },
  experiments: {
    name: 'experiments',
    attributes: {
      name: 'text',
      experiment_id: 'number',
      creation_time: 'number',
      last_update_time: 'number',
      lifecycle_stage: 'text',
    },
    aliases: {},
    has: tagsOnly,
  },
  loggedModels: {
    name: 'logged models',
    attributes: {
      name: 'text',
      model_id: 'text',
      model_type: 'text',
      source_run_id: 'text',
      status: 'text',
      artifact_location: 'text',
      experiment_id: 'number',
      creation_timestamp: 'number',
      last_updated_timestamp: 'number',
    },
    aliases: {
      model_name: 'name',
      creation_time: 'creation_timestamp',
      creation_timestamp_ms: 'creation_timestamp',
      last_updated_timestamp_ms: 'last_updated_timestamp',
    },
    has: { ...all, dataset: false },
  },
  models: {
    name: 'registered models',
    attributes: { name: 'text', creation_timestamp: 'number', last_updated_timestamp: 'number' },
    aliases: { timestamp: 'last_updated_timestamp' },
    has: tagsOnly,
  },
  versions: {
    name: 'model versions',
    attributes: {
      name: 'text',
      run_id: 'text',
      source_path: 'text',
      user_id: 'text',
      current_stage: 'text',
      status: 'text',
      version_number: 'number',
      creation_timestamp: 'number',
      last_updated_timestamp: 'number',
    },
    aliases: { version: 'version_number' },
    has: tagsOnly,
  },
} as const satisfies Readonly<Record<string, FilterTarget>>;
