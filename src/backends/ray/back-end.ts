import type { TrainingSystemRow } from '../../ports/training-system.ts';
import { RayTrainingBackend } from './training-backend.ts';

export const raySystem: TrainingSystemRow = {
  kind: 'ray',
  folder: 'ray',
  is: 'jobs of Ray',
  options: null,
  facts: [],
  open: (_, { api, manifest }) => new RayTrainingBackend({ api: api(), request: manifest }),
};
