import type { PartKind } from '../../observe/part-kind.ts';
import type { ModelServer } from './model-server.ts';

/** The models that a process serves. */
export interface ServedModel {
  readonly data: { readonly name: string };
  readonly server: Pick<ModelServer, 'serving' | 'unfit' | 'unloaded' | 'refusal' | 'champion'>;
  /** The server is not ready while this model has no champion. */
  readonly isRequired: boolean;
}

/**
 * Loaded models. A model that was never promoted is reported, and only a required one keeps the server from being ready; a champion that
 * does not answer always does.
 */
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
            'Model {{ $labels.model }} has no version that answers. Run `headrace train {{ $labels.model }} --promote`.',
        },
      ],
      read: (models) => [...models()].map(({ data, server }) => [{ model: data.name }, server.serving?.version ?? 0]),
    },
  ],
  health: (models) =>
    [...models()].flatMap(({ data, server, isRequired }) => {
      const { serving, unfit, unloaded } = server;
      if (serving !== null && unloaded !== null)
        return [
          `model ${data.name}: champion version ${unloaded} could not be loaded yet; version ${serving.version} answers`,
        ];
      if (unfit !== null)
        return [
          `model ${data.name}: champion version ${unfit} cannot serve; ${serving === null ? 'no version' : `version ${serving.version}`} answers`,
        ];
      return isUnpromoted(server) && !isRequired ? [`model ${data.name} has no champion`] : [];
    }),
  waiting: (models) =>
    [...models()]
      .filter(({ server, isRequired }) => server.serving === null && (isRequired || !isUnpromoted(server)))
      .map(({ data, server }) => `model ${data.name} ${whyNot(server)}`),
};

/** Whether the registry was read, and names no champion. */
function isUnpromoted({ serving, champion }: Pick<ModelServer, 'serving' | 'champion'>): boolean {
  return serving === null && champion === null;
}

function whyNot({ champion, unfit, refusal }: Pick<ModelServer, 'champion' | 'unfit' | 'refusal'>): string {
  if (champion === null) return 'has no champion';
  if (champion === undefined) return 'has a champion that could not be read yet';
  return unfit === null
    ? `has champion version ${champion}, which could not be loaded yet`
    : `has a champion that cannot serve: ${refusal.message}`;
}
