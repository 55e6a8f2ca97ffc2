import type { LoggedModel, LoggedModelMetric } from '../../ports/logged-models.ts';
import type { RegisteredModel, VersionRecord } from '../../ports/model-registry.ts';
import type { Experiment, KeyText, Metric, Run, RunInfo } from '../../ports/tracking-store.ts';

/*
 * Entities as JSON of MLflow's messages: snake case, empty lists left out, whole numbers as numbers, NaN and infinities as texts.
 */

/** A list under a name; nothing where it is empty. */
export function listed(name: string, list: readonly unknown[]): Readonly<Record<string, readonly unknown[]>> {
  return list.length === 0 ? {} : { [name]: list };
}

/** A text under a name; nothing where it is empty. */
function named(name: string, text: string): Readonly<Record<string, string>> {
  return text === '' ? {} : { [name]: text };
}

function real(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

export function experimentMessage(experiment: Experiment) {
  return {
    experiment_id: experiment.id,
    name: experiment.name,
    artifact_location: experiment.artifactLocation,
    lifecycle_stage: experiment.stage,
    last_update_time: experiment.updatedAt,
    creation_time: experiment.createdAt,
    ...listed('tags', experiment.tags.map(keyText)),
  };
}

export function infoMessage(info: RunInfo) {
  return {
    run_uuid: info.id,
    experiment_id: info.experiment,
    run_name: info.name,
    user_id: info.user,
    status: info.status,
    ...(info.startedAt === null ? {} : { start_time: info.startedAt }),
    ...(info.endedAt === null ? {} : { end_time: info.endedAt }),
    artifact_uri: info.artifactUri,
    lifecycle_stage: info.stage,
    run_id: info.id,
  };
}

export function runMessage(run: Run) {
  return {
    info: infoMessage(run.info),
    data: {
      ...listed('metrics', run.metrics.map(metricMessage)),
      ...listed('params', run.params.map(keyText)),
      ...listed('tags', run.tags.map(keyText)),
    },
    inputs: {
      ...listed(
        'dataset_inputs',
        run.datasets.map(({ name, digest, sourceType, source, schema, profile, tags }) => ({
          ...listed('tags', tags.map(keyText)),
          dataset: {
            name,
            digest,
            source_type: sourceType,
            source,
            ...(schema === null ? {} : { schema }),
            ...(profile === null ? {} : { profile }),
          },
        })),
      ),
      ...listed(
        'model_inputs',
        run.modelInputs.map((model_id) => ({ model_id })),
      ),
    },
    outputs: listed(
      'model_outputs',
      run.modelOutputs.map(({ modelId, step }) => ({ model_id: modelId, step })),
    ),
  };
}

export function metricMessage({ key, value, at, step }: Metric) {
  return { key, value: real(value), timestamp: at, step };
}

function keyText({ key, value }: KeyText) {
  return { key, value };
}

export function loggedModelMessage(model: LoggedModel) {
  return {
    info: {
      model_id: model.id,
      experiment_id: model.experiment,
      name: model.name,
      creation_timestamp_ms: model.createdAt,
      last_updated_timestamp_ms: model.updatedAt,
      artifact_uri: model.artifactUri,
      status: model.status,
      model_type: model.modelType,
      source_run_id: model.sourceRun,
      ...listed('tags', model.tags.map(keyText)),
      ...listed(
        'registrations',
        model.registrations.map(({ model: name, version }) => ({ name, version: String(version) })),
      ),
    },
    data: {
      ...listed('params', model.params.map(keyText)),
      ...listed(
        'metrics',
        model.metrics.map((metric) => loggedMetric(model.id, metric)),
      ),
    },
  };
}

function loggedMetric(id: string, metric: LoggedModelMetric) {
  return {
    ...metricMessage(metric),
    ...(metric.datasetName === null ? {} : { dataset_name: metric.datasetName }),
    ...(metric.datasetDigest === null ? {} : { dataset_digest: metric.datasetDigest }),
    model_id: id,
    run_id: metric.run,
  };
}

export function versionMessage(version: VersionRecord) {
  return {
    name: version.model,
    version: String(version.version),
    creation_timestamp: version.createdAt,
    last_updated_timestamp: version.updatedAt,
    current_stage: version.stage,
    description: version.description,
    source: sourceOf(version),
    run_id: version.run,
    status: version.status,
    ...named('status_message', version.statusMessage),
    ...listed('tags', version.tags.map(keyText)),
    run_link: version.runLink,
    ...listed('aliases', version.aliases),
    ...named('model_id', version.loggedModel),
  };
}

/** The place of a version's files: one that a training job made has its own folder of the artefact tree. */
function sourceOf(version: VersionRecord): string {
  return version.source === '' ? `headrace:/${encodeURIComponent(version.model)}/${version.version}` : version.source;
}

export function modelMessage(model: RegisteredModel) {
  return {
    name: model.name,
    creation_timestamp: model.createdAt,
    last_updated_timestamp: model.updatedAt,
    ...named('description', model.description),
    ...listed('latest_versions', model.latest.map(versionMessage)),
    ...listed('tags', model.tags.map(keyText)),
    ...listed(
      'aliases',
      model.aliases.map(({ alias, version }) => ({ alias, version: String(version) })),
    ),
  };
}
