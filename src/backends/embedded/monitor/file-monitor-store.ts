import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../../files/replace-file.ts';
import type { MonitorLease, MonitorStore } from '../../../ports/monitor-store.ts';
import { acquireLock } from '../lock.ts';

/**
 * The lease and the state of a monitor as files of an environment's directory. A lock of the system is the lease: it ends with
 * its process, however that dies.
 */
export class FileMonitorStore implements MonitorStore {
  readonly #directory: string;
  readonly #state: string;

  /** `state`: the name of the file of the state. */
  constructor(directory: string, state: string) {
    this.#directory = directory;
    this.#state = join(directory, state);
  }

  lease(): MonitorLease | null {
    mkdirSync(this.#directory, { recursive: true });
    const lock = acquireLock(join(this.#directory, 'monitor.lock'));
    return lock === null ? null : { keep: () => true, release: () => lock.release() };
  }

  write(state: string): void {
    replaceFile(this.#state, state);
  }

  read(): string | null {
    try {
      return readFileSync(this.#state, 'utf8');
    } catch {
      return null;
    }
  }

  close(): void {
    // Nothing is open.
  }
}
