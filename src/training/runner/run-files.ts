import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../files/replace-file.ts';

/** Format of run.json, heartbeats, requests and done.json. */
export const RUN_FORMAT = 2;

/**
 * Where rank 0 of the first attempt waits for the kill of a drill: in a write after the first checkpoint, after some number of checkpoints,
 * or at a step.
 */
export interface Hold {
  readonly inSave?: boolean | undefined;
  readonly saved?: number | undefined;
  readonly step?: number | undefined;
}

/** Paths of a run's folder. */
export function runFiles(folder: string) {
  return {
    folder,
    journal: join(folder, 'journal.jsonl'),
    lock: join(folder, 'lock.sqlite'),
    run: join(folder, 'run.json'),
    request: join(folder, 'request.json'),
    /** Ranks agree on the step of a checkpoint there. */
    agreed: join(folder, 'agreed.json'),
    heartbeats: join(folder, 'heartbeats'),
    checkpoints: join(folder, 'checkpoints'),
    gangs: join(folder, 'gangs'),
    done: join(folder, 'done.json'),
  };
}

export type RunFiles = ReturnType<typeof runFiles>;

export function makeFolders({ heartbeats, checkpoints, gangs }: RunFiles): void {
  for (const folder of [heartbeats, checkpoints, gangs]) mkdirSync(folder, { recursive: true });
}

/** Removes heartbeats, request and result of the attempt before: the next must not be taken for it. */
export function clearAttempt(files: RunFiles): void {
  for (const path of [files.heartbeats, files.request, files.agreed, files.done])
    rmSync(path, { recursive: true, force: true });
  makeFolders(files);
}

/** Replaces a JSON file as a whole, durably; only its owner may read it. */
export function replaceJson(path: string, value: unknown): void {
  replaceFile(path, `${JSON.stringify(value, null, 2)}\n`, 0o600);
}
