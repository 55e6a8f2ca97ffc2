import { join } from 'node:path';
import type { TrainingSystemRow } from '../../ports/training-system.ts';
import { SlurmTrainingBackend } from './training-backend.ts';

/** Its own time after the grace of a program, s. */
const SPARE_SECONDS = 30;

export const slurmSystem: TrainingSystemRow = {
  kind: 'slurm',
  folder: 'slurm',
  is: 'jobs of Slurm',
  options: null,
  facts: ['sharedFiles', 'ranks'],
  open: ({ nodes, cpus, memoryGib, gpus, partition, hours, graceSeconds, directory }, { environment }) =>
    new SlurmTrainingBackend({
      folder: join(directory, 'gangs'),
      environment,
      resources: {
        nodes,
        cpus,
        memoryGib,
        gpusPerNode: gpus,
        partition,
        seconds: Math.ceil(hours * 3600),
        graceSeconds: graceSeconds + SPARE_SECONDS,
        // The controller inside resumes; a gang over several machines is started again from outside.
        requeue: nodes === 1,
      },
    }),
};
