import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { trainJobFile } from '../../../src/site/train-job-file.ts';
import { artifactUrl, asked, tagsOf } from './mlflow-rest.ts';

// A training program that logs its version as MLflow's client does, by its REST routes: run, files, version. It trains by the
// embedded trainer on the handed Parquet file, and reads where to log from the variables of the client.

const path = process.env['HEADRACE_JOB'] ?? 'job.json';
const directory = dirname(path);
const job = JSON.parse(readFileSync(path, 'utf8'));
const embedded = join(directory, 'embedded.json');
writeFileSync(embedded, JSON.stringify({ ...job, options: { kind: 'logisticRegression', categorical: ['category'] } }));
await trainJobFile(embedded);
const { features } = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8')) as {
  readonly features: readonly string[];
};
if (process.env['HEADRACE_TRAINING_SET'] !== job.trainingSet)
  throw new Error('the variable names another training set than the job');

const model = process.env['HEADRACE_MODEL'] ?? '';
const tags = tagsOf(process.env['MLFLOW_RUN_CONTEXT']);
const experiment = await experimentOf(process.env['MLFLOW_EXPERIMENT_NAME'] ?? 'Default');
const { run } = (await asked('POST', '/mlflow/runs/create', {
  experiment_id: experiment,
  start_time: Date.now(),
  tags,
})) as { readonly run: { readonly info: { readonly run_id: string; readonly artifact_uri: string } } };
const { run_id, artifact_uri } = run.info;
await asked('POST', '/mlflow/runs/log-metric', { run_id, key: 'rows', value: 1, timestamp: Date.now() });
const inputs = features.map((name) => ({ type: 'float', name, required: true }));
const mlmodel = [
  'artifact_path: model',
  'flavors:',
  '  onnx:',
  '    data: model.onnx',
  'signature:',
  `  inputs: '${JSON.stringify(inputs)}'`,
  '',
].join('\n');
// Clients of MLflow 2 name the run with the version; those of MLflow 3 log a model of the run, and name that.
const isNew = tags.some(({ key }) => key === 'headrace.decision');
const logged = isNew ? await newModel() : { uri: `${artifact_uri}/model`, source: { run_id } };
await upload('MLmodel', Buffer.from(mlmodel));
await upload('model.onnx', readFileSync(join(directory, 'model.onnx')));
await asked('POST', '/mlflow/registered-models/create', { name: model }).catch(() => null);
await asked('POST', '/mlflow/model-versions/create', { name: model, source: logged.uri, ...logged.source });
await asked('POST', '/mlflow/runs/update', { run_id, status: 'FINISHED', end_time: Date.now() });

async function experimentOf(name: string): Promise<string> {
  const known = await asked('GET', `/mlflow/experiments/get-by-name?experiment_name=${name}`).catch(() => null);
  if (known !== null) return (known as { experiment: { experiment_id: string } }).experiment.experiment_id;
  return ((await asked('POST', '/mlflow/experiments/create', { name })) as { experiment_id: string }).experiment_id;
}

async function newModel(): Promise<{ readonly uri: string; readonly source: { readonly model_id: string } }> {
  const body = { experiment_id: experiment, name: 'model', source_run_id: run_id };
  const { model: made } = (await asked('POST', '/mlflow/logged-models', body)) as {
    readonly model: { readonly info: { readonly model_id: string; readonly artifact_uri: string } };
  };
  return { uri: made.info.artifact_uri, source: { model_id: made.info.model_id } };
}

async function upload(name: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(artifactUrl(`${logged.uri}/${name}`), { method: 'PUT', body });
  if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
}
