import type { TrainingSystemRow } from '../../ports/training-system.ts';
import { KubernetesTrainingBackend } from './training-backend.ts';

export const kubernetesSystem: TrainingSystemRow = {
  kind: 'kubernetes',
  folder: 'kubernetes',
  is: 'Jobs of Kubernetes',
  options: null,
  facts: [],
  open: ({ namespace }, { api, manifest }) =>
    new KubernetesTrainingBackend({
      api: api(),
      namespace,
      token: process.env['HEADRACE_KUBERNETES_TOKEN'] ?? null,
      manifest,
    }),
};
