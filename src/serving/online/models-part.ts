import type { PartKind } from '../../observe/part-kind.ts';
import type { ModelServer } from './model-server.ts';

/** The models that a process serves. */
export interface ServedModel {
  readonly data: { readonly name: string };
  readonly server: Pick<ModelServer, 'serving'>;
}

/** Loaded models: requests of a model wait until it has a champion. */
export const modelsPart: PartKind<() => Iterable<ServedModel>, object> = {
  name: 'models',
  figures: [],
  waiting: (models) =>
    [...models()]
      .filter(({ server }) => server.serving === null)
      .map(({ data }) => `model ${data.name} has no champion`),
};
