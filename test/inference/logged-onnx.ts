import type { ArtifactStore } from '../../src/ports/artifact-store.ts';
import type { ModelRegistry, VersionRecord } from '../../src/ports/model-registry.ts';
import type { KeyText } from '../../src/ports/tracking-store.ts';
import { manifestDigest } from '../../src/registry/manifest-digest.ts';
import { oneChunk, storeContent } from '../../src/registry/store-content.ts';

/** A model folder as MLflow's clients upload it. */
export interface LoggedModel {
  readonly model: string;
  /** null: the folder has no file of the model. */
  readonly onnx: Uint8Array<ArrayBuffer> | null;
  /** Columns of its signature, all `double`; null: a tensor without names. */
  readonly columns: readonly string[] | null;
  readonly tags?: readonly KeyText[];
}

/** The text of an MLmodel file, with the lines that `mlflow.onnx.log_model` writes. */
function mlmodel({ onnx, columns }: LoggedModel): string {
  const flavors =
    onnx === null
      ? '  python_function:\n    env:\n      virtualenv: python_env.yaml\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n'
      : '  onnx:\n    code: null\n    data: model.onnx\n    onnx_version: 1.17.0\n    providers:\n    - CPUExecutionProvider\n  python_function:\n    data: model.onnx\n    loader_module: mlflow.onnx\n';
  const inputs =
    columns === null
      ? [{ type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 30] }, name: 'input' }]
      : columns.map((name) => ({ type: 'double', name, required: true }));
  return `artifact_path: model\nflavors:\n${flavors}mlflow_version: 2.17.2\nsignature:\n  inputs: '${JSON.stringify(inputs)}'\n  outputs: null\n`;
}

/** Registers a model folder as the registry does for MLflow's clients. */
export async function logModel(
  registry: ModelRegistry,
  artifacts: ArtifactStore,
  logged: LoggedModel,
): Promise<VersionRecord> {
  const { model, onnx, tags = [] } = logged;
  const contents = new Map<string, Uint8Array<ArrayBuffer>>([['MLmodel', new TextEncoder().encode(mlmodel(logged))]]);
  if (onnx !== null) contents.set('model.onnx', onnx);
  const files = [];
  for (const [path, bytes] of contents)
    files.push({ path, ...(await storeContent({ registry, artifacts }, oneChunk(bytes), 0)) });
  if ((await registry.model(model)) === null)
    await registry.createModel({ name: model, description: '', tags: [], at: 0 });
  return registry.createVersion({
    model,
    source: `mlflow-artifacts:/1/run/artifacts/${model}`,
    run: '',
    runLink: '',
    loggedModel: '',
    user: 'ann',
    description: '',
    tags,
    files,
    digest: manifestDigest(files),
    at: 0,
  });
}
