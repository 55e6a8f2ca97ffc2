import { homedir } from 'node:os';

/** How a worker is kept apart from the server, as headrace_isolation.py takes it. */
export interface WantedIsolation {
  /** Folders that are empty for the worker. */
  readonly hide: readonly string[];
  /** Files inside them that it needs, besides the interpreter and its own program; read only. */
  readonly keep: readonly string[];
  /** The folder that it may write. */
  readonly home: string;
  /** Folders that are given to nobody, where the worker becomes nobody. */
  readonly own: readonly string[];
  /** Whether it has the network of the server. */
  readonly network: boolean;
  /** Whether a worker that cannot be isolated loads nothing. */
  readonly required: boolean;
}

/** Processes of a worker besides the model's: see fork_into_processes in headrace_isolation.py. */
export const KEEPERS = 2;

/** The folders of a server that hold secrets: its environment, its home, and the folder that it was started in. */
export function secretFolders(directory: string): readonly string[] {
  return [directory, homedir(), process.cwd()].filter((folder) => folder !== '/');
}
