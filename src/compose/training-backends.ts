import { join } from 'node:path';
import { acquireLock } from '../backends/embedded/lock.ts';
import { KubernetesTrainingBackend } from '../backends/kubernetes/training-backend.ts';
import type { ProcessLimits } from '../backends/local/process-limits.ts';
import { LocalTrainingBackend } from '../backends/local/training-backend.ts';
import { RayTrainingBackend } from '../backends/ray/training-backend.ts';
import { SkypilotTrainingBackend } from '../backends/skypilot/training-backend.ts';
import { SlurmTrainingBackend } from '../backends/slurm/training-backend.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import type { OpenTrainingRun, TrainingBackend } from '../ports/training-backend.ts';
import { type ExportJob, shellLine } from '../training/export/export-job.ts';
import { kubernetesJob } from '../training/export/export-kubernetes.ts';
import { rayRequest } from '../training/export/export-ray.ts';
import { skypilotTask } from '../training/export/export-skypilot.ts';

/** Gangs as processes of this machine. `helper`: folder of the Python helper. */
export function localTraining(folder: string, helper: string, limits: ProcessLimits = {}): TrainingBackend {
  return new LocalTrainingBackend({ folder: join(folder, 'gangs'), environment: helperPath(helper), limits });
}

/**
 * Runs of an environment's training: processes of this machine within the limits of its configuration. They have the variables of
 * this process: the programs are the project's own.
 */
export function trainingRuns({ training }: Pick<Environment, 'training'>, helper: string): OpenTrainingRun {
  return (folder, { environment = {}, onLine } = {}) => {
    const lock = lockRun(folder);
    const backend = new LocalTrainingBackend({
      folder: join(folder, 'gangs'),
      environment: { ...ownVariables(), ...helperPath(helper), ...environment },
      limits: training,
      ...(onLine === undefined ? {} : { onLine }),
    });
    return {
      backend,
      async close() {
        await backend.close();
        lock.release();
      },
    };
  };
}

function ownVariables(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function helperPath(helper: string): Readonly<Record<string, string>> {
  const path = [helper, process.env['PYTHONPATH']].filter((part) => part !== undefined && part !== '').join(':');
  return { PYTHONPATH: path };
}

/** Systems that run a job of a file, with the controller inside. */
export const trainingSystems = ['slurm', 'kubernetes', 'skypilot', 'ray'] as const;
export type TrainingSystem = (typeof trainingSystems)[number];

/**
 * The back end of a job on another system. `helper`: folder of the Python helper; `folder`: a folder for its files on this machine.
 * Error: EXPORT_JOB.
 */
export function submittedTraining(
  system: TrainingSystem,
  job: ExportJob,
  helper: string,
  folder: string,
): TrainingBackend {
  if (system === 'slurm') return slurmTraining(job, helper);
  if (system === 'kubernetes') return kubernetesTraining(job);
  if (system === 'skypilot')
    return new SkypilotTrainingBackend({
      folder: join(folder, 'gangs'),
      task: ({ id, placement }) => skypilotTask({ ...job, name: id }, placement),
      graceSeconds: job.graceSeconds,
    });
  return new RayTrainingBackend({
    api: apiOf(job),
    request: ({ id, command }) => ({ ...rayRequest(job), submission_id: id, entrypoint: shellLine(command) }),
  });
}

function slurmTraining(job: ExportJob, helper: string): TrainingBackend {
  const { nodes, cpus, memoryGib, gpus, partition, hours, graceSeconds, directory } = job;
  return new SlurmTrainingBackend({
    folder: join(directory, 'gangs'),
    environment: helperPath(helper),
    resources: {
      nodes,
      cpus,
      memoryGib,
      gpusPerNode: gpus,
      partition,
      seconds: Math.ceil(hours * 3600),
      graceSeconds: graceSeconds + 30,
      // The controller inside resumes; a gang over several machines is started again from outside.
      requeue: nodes === 1,
    },
  });
}

function kubernetesTraining(job: ExportJob): TrainingBackend {
  return new KubernetesTrainingBackend({
    api: apiOf(job),
    namespace: job.namespace,
    token: process.env['HEADRACE_KUBERNETES_TOKEN'] ?? null,
    manifest: ({ id }) => kubernetesJob({ ...job, name: id }),
  });
}

function apiOf({ api }: ExportJob): string {
  if (api === undefined) throw fail('EXPORT_JOB', { member: 'api', reason: 'the URL of the server is needed' });
  return api;
}

/** Keeps a second controller away from a run. Error: RUN_LOCKED. */
export function lockRun(folder: string): { release(): void } {
  const lock = acquireLock(join(folder, 'lock'));
  if (lock === null) throw fail('RUN_LOCKED', { folder });
  return lock;
}
