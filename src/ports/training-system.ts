import type { BackEndRow } from './back-end-row.ts';
import type { GangSpec, TrainingBackend } from './training-backend.ts';

/** Systems that run a job of a file, as the command line names them; the table of training systems has a row for each. */
export const trainingSystems = ['slurm', 'kubernetes', 'skypilot', 'ray'] as const;

export type TrainingSystem = (typeof trainingSystems)[number];

/** A job of a file as a system that runs it sees it. */
export interface SubmittedJob {
  readonly nodes: number;
  readonly cpus: number;
  readonly memoryGib: number;
  readonly gpus: number;
  /** Of Slurm; left out: its usual one. */
  readonly partition?: string | undefined;
  /** The most hours of one attempt. */
  readonly hours: number;
  readonly graceSeconds: number;
  /** Folder of the run, where the machines see it. */
  readonly directory: string;
  readonly namespace: string;
}

/** Where jobs of a system are submitted. */
export interface SubmittedPlace {
  /** For its files on this machine. */
  readonly folder: string;
  /** Variables by which the program finds the helper of Headrace. */
  readonly environment: Readonly<Record<string, string>>;
  /** The URL of the system's server. Error: EXPORT_JOB, where the job names none. */
  readonly api: () => string;
  /** A gang in the words of the system. */
  readonly manifest: (gang: GangSpec) => unknown;
}

/**
 * `sharedFiles`: its machines see the files of this one, so the program here is theirs. `ranks`: it starts all ranks of a gang; without
 * it the one rank is a controller. `moves`: it moves a job to other machines, and a controller here follows it.
 */
export type TrainingFact = 'sharedFiles' | 'ranks' | 'moves';

/** A system that runs a job of a file. */
export type TrainingSystemRow = BackEndRow<SubmittedJob, SubmittedPlace, TrainingBackend, TrainingFact>;
