import type { FunctionModel, StreamingModel } from '../../features/define/function-model.ts';
import { plainConfig } from '../config/model-config.ts';
import { loadFunction, loadStreaming } from './load-function.ts';
import type { ModelSource, SourceModel } from './model-source.ts';

/** The models of a project that are functions: each has one version. */
export class FunctionSource implements ModelSource {
  readonly #models: ReadonlyMap<string, FunctionModel | StreamingModel>;

  constructor(models: readonly (FunctionModel | StreamingModel)[]) {
    this.#models = new Map(models.map((model) => [model.name, model]));
  }

  names(): readonly string[] {
    return [...this.#models.keys()];
  }

  find(name: string): SourceModel | null {
    const model = this.#models.get(name);
    if (model === undefined) return null;
    return {
      config: {
        ...plainConfig(name, 'function', model),
        instances: 'run' in model ? (model.concurrency ?? 1) : 1,
        decoupled: 'stream' in model,
      },
      versions: ['1'],
      preferred: null,
      alias: () => null,
      open: () => ({
        kind: 'own',
        platform: 'function',
        load: () => ('stream' in model ? loadStreaming(model) : loadFunction(model)),
      }),
      warmUps: () => [],
    };
  }
}
