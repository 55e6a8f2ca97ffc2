import { join } from 'node:path';
import type { TrainingSystemRow } from '../../ports/training-system.ts';
import { SkypilotTrainingBackend } from './training-backend.ts';

export const skypilotSystem: TrainingSystemRow = {
  kind: 'skypilot',
  folder: 'skypilot',
  is: 'managed jobs of SkyPilot',
  options: null,
  facts: ['moves'],
  open: ({ graceSeconds }, { folder, manifest }) =>
    new SkypilotTrainingBackend({
      folder: join(folder, 'gangs'),
      task: (gang) => String(manifest(gang)),
      graceSeconds,
    }),
};
