import type { RunFiles } from './run-files.ts';

export interface RankEnvironmentOptions {
  readonly run: string;
  readonly attempt: number;
  readonly ranks: number;
  readonly files: RunFiles;
  /** Folder of the checkpoint to resume from; null: from the beginning. */
  readonly resume: string | null;
}

/** Variables of each rank: those of Headrace, and the names that torch and others know. Their rendezvous comes from the back end. */
export function rankEnvironments({
  run,
  attempt,
  ranks,
  files,
  resume,
}: RankEnvironmentOptions): readonly Record<string, string>[] {
  return Array.from({ length: ranks }, (_, rank) => ({
    HEADRACE_RUN: files.run,
    HEADRACE_RUN_ID: run,
    HEADRACE_RUN_FOLDER: files.folder,
    HEADRACE_ATTEMPT: String(attempt),
    HEADRACE_RESUME: resume ?? '',
    HEADRACE_RANK: String(rank),
    HEADRACE_WORLD_SIZE: String(ranks),
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(ranks),
  }));
}
