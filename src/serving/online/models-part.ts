import type { PartKind } from '../../observe/part-kind.ts';
import type { ModelServer } from './model-server.ts';

/** The models that a process serves. */
export interface ServedModel {
  readonly data: { readonly name: string };
  readonly server: Pick<ModelServer, 'serving' | 'unfit' | 'refusal'>;
}

/** Loaded models: requests of a model wait until it has a champion. */
export const modelsPart: PartKind<() => Iterable<ServedModel>, object> = {
  name: 'models',
  figures: [
    {
      name: 'headrace_model_version',
      type: 'gauge',
      unit: 'version',
      labels: ['model'],
      help: 'Version of a model that answers predictions; 0 before the first',
      alerts: [
        {
          name: 'HeadraceModelMissing',
          expr: 'headrace_model_version == 0',
          for: '15m',
          severity: 'ticket',
          summary:
            'Model {{ $labels.model }} has no version that answers. Run `headrace train`, then `headrace models promote`.',
        },
      ],
      read: (models) => [...models()].map(({ data, server }) => [{ model: data.name }, server.serving?.version ?? 0]),
    },
  ],
  health: (models) =>
    [...models()].flatMap(({ data, server: { serving, unfit } }) =>
      unfit === null
        ? []
        : [
            `model ${data.name}: champion version ${unfit} cannot serve; ${serving === null ? 'no version' : `version ${serving.version}`} answers`,
          ],
    ),
  waiting: (models) =>
    [...models()]
      .filter(({ server }) => server.serving === null)
      .map(({ data, server }) => `model ${data.name} ${whyNot(server)}`),
};

function whyNot({ refusal }: Pick<ModelServer, 'refusal'>): string {
  return refusal.code === 'MODEL_NONE' ? 'has no champion' : `has a champion that cannot serve: ${refusal.message}`;
}
