import { join } from 'node:path';
import { acquireLock } from '../../backends/embedded/lock.ts';
import { kubernetesSystem } from '../../backends/kubernetes/back-end.ts';
import type { ProcessLimits } from '../../backends/local/process-limits.ts';
import { LocalTrainingBackend } from '../../backends/local/training-backend.ts';
import { raySystem } from '../../backends/ray/back-end.ts';
import { skypilotSystem } from '../../backends/skypilot/back-end.ts';
import { slurmSystem } from '../../backends/slurm/back-end.ts';
import { fail } from '../../base/errors/fail.ts';
import type { Environment } from '../../environment/config.ts';
import type { GangSpec, OpenTrainingRun, TrainingBackend } from '../../ports/training-backend.ts';
import type { TrainingFact, TrainingSystem, TrainingSystemRow } from '../../ports/training-system.ts';
import { type Exported, type ExportJob, shellLine } from '../../training/export/export-job.ts';
import { exportKubernetes, kubernetesJob } from '../../training/export/export-kubernetes.ts';
import { exportRay, rayRequest } from '../../training/export/export-ray.ts';
import { exportSkypilot, skypilotTask } from '../../training/export/export-skypilot.ts';
import { exportSlurm } from '../../training/export/export-slurm.ts';
import { helperFolder } from '../../training/helper-folder.ts';

/** A system, a job as a file for it, and a gang of a job in its words. */
interface Submitter {
  readonly row: TrainingSystemRow;
  readonly exported: (job: ExportJob) => Exported;
  readonly manifest: (job: ExportJob) => (gang: GangSpec) => unknown;
}

/** Systems that run a job of a file, with the controller inside. */
const submitters = {
  slurm: { row: slurmSystem, exported: exportSlurm, manifest: () => () => null },
  kubernetes: {
    row: kubernetesSystem,
    exported: exportKubernetes,
    manifest: (job) => (gang) => kubernetesJob({ ...job, name: gang.id }),
  },
  skypilot: {
    row: skypilotSystem,
    exported: exportSkypilot,
    manifest: (job) => (gang) => skypilotTask({ ...job, name: gang.id }, gang.placement),
  },
  ray: {
    row: raySystem,
    exported: exportRay,
    manifest: (job) => (gang) => ({
      ...rayRequest(job),
      submission_id: gang.id,
      entrypoint: shellLine(gang.command),
    }),
  },
} as const satisfies Readonly<Record<TrainingSystem, Submitter>>;

export const trainingRows: readonly TrainingSystemRow[] = Object.values(submitters).map(({ row }) => row);

/** The file of a job for a system, and how it is submitted. */
export function exportedJob(system: TrainingSystem, job: ExportJob): Exported {
  return submitters[system].exported(job);
}

/** Whether a system has an ability. */
export function canTrain(system: TrainingSystem, fact: TrainingFact): boolean {
  return submitters[system].row.facts.includes(fact);
}

/** The back end of a job on another system. `folder`: a folder for its files on this machine. Error: EXPORT_JOB. */
export function submittedTraining(system: TrainingSystem, job: ExportJob, folder: string): TrainingBackend {
  const { row, manifest }: Submitter = submitters[system];
  return row.open(job, { folder, environment: helperPath(), api: () => apiOf(job), manifest: manifest(job) });
}

function apiOf({ api }: ExportJob): string {
  if (api === undefined) throw fail('EXPORT_JOB', { member: 'api', reason: 'the URL of the server is needed' });
  return api;
}

/** Gangs as processes of this machine. */
export function localTraining(folder: string, limits: ProcessLimits = {}): TrainingBackend {
  return new LocalTrainingBackend({ folder: join(folder, 'gangs'), environment: helperPath(), limits });
}

/**
 * Runs of an environment's training: processes of this machine within the limits of its configuration. They have the variables of
 * this process: the programs are the project's own.
 */
export function trainingRuns({ training }: Pick<Environment, 'training'>): OpenTrainingRun {
  return (folder, { environment = {}, onLine } = {}) => {
    const lock = lockRun(folder);
    const backend = new LocalTrainingBackend({
      folder: join(folder, 'gangs'),
      environment: { ...ownVariables(), ...helperPath(), ...environment },
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

/** Training programs find the Python helper by it. */
function helperPath(): Readonly<Record<string, string>> {
  const path = [helperFolder(), process.env['PYTHONPATH']].filter((part) => part !== undefined && part !== '');
  return { PYTHONPATH: path.join(':') };
}

/** Keeps a second controller away from a run. Error: RUN_LOCKED. */
export function lockRun(folder: string): { release(): void } {
  const lock = acquireLock(join(folder, 'lock'));
  if (lock === null) throw fail('RUN_LOCKED', { folder });
  return lock;
}
