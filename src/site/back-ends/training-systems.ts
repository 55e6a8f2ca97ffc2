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
import type { TrainingFact, TrainingSystemRow } from '../../ports/training-system.ts';
import { type ExportJob, shellLine } from '../../training/export/export-job.ts';
import { kubernetesJob } from '../../training/export/export-kubernetes.ts';
import { rayRequest } from '../../training/export/export-ray.ts';
import { skypilotTask } from '../../training/export/export-skypilot.ts';
import { helperFolder } from '../../training/helper-folder.ts';

/** A system, and a gang of a job in its words. */
interface Submitter {
  readonly row: TrainingSystemRow;
  readonly manifest: (job: ExportJob) => (gang: GangSpec) => unknown;
}

/** Systems that run a job of a file, with the controller inside. */
const submitters = {
  slurm: { row: slurmSystem, manifest: () => () => null },
  kubernetes: { row: kubernetesSystem, manifest: (job) => (gang) => kubernetesJob({ ...job, name: gang.id }) },
  skypilot: {
    row: skypilotSystem,
    manifest: (job) => (gang) => skypilotTask({ ...job, name: gang.id }, gang.placement),
  },
  ray: {
    row: raySystem,
    manifest: (job) => (gang) => ({
      ...rayRequest(job),
      submission_id: gang.id,
      entrypoint: shellLine(gang.command),
    }),
  },
} as const satisfies Readonly<Record<string, Submitter>>;

export type TrainingSystem = keyof typeof submitters;

export const trainingRows: readonly TrainingSystemRow[] = Object.values(submitters).map(({ row }) => row);

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
