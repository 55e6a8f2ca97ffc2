import { pythonWith } from './python.ts';
import type { Service } from './service.ts';
import { versions } from './versions.ts';

/** MLflow's client and server of one version: an interpreter, nothing runs between the suites. */
function mlflow(
  name: 'mlflow-2' | 'mlflow-3' | 'mlflow-models' | 'mlflow-torch',
  variable: string,
  { version, packages }: { readonly version: string; readonly packages: readonly string[] },
): Service {
  const told = async () => ({
    [variable]: await pythonWith(/\d$/.test(name) ? `mlflow-${version}` : `${name}-${version}`, packages),
  });
  return {
    name,
    sets: [variable],
    isDeep: name === 'mlflow-torch',
    async fetch() {
      await told();
    },
    up: told,
    async down() {},
    status: told,
  };
}

export const mlflow2 = mlflow('mlflow-2', 'MLFLOW_2', versions.mlflow2);
export const mlflow3 = mlflow('mlflow-3', 'MLFLOW_3', versions.mlflow3);
export const mlflowModels = mlflow('mlflow-models', 'MLFLOW_MODELS', versions.mlflowModels);
export const mlflowTorch = mlflow('mlflow-torch', 'MLFLOW_TORCH', versions.mlflowTorch);
