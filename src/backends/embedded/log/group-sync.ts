import { fdatasync } from 'node:fs';

/** Joins the syncs that callers ask for while one is under way: each waits for one that began after its write. */
export class GroupSync {
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #files = new Set<number>();

  /** Resolves when what was written to the file before this call is on the disk. */
  sync(fd: number): Promise<void> {
    this.#files.add(fd);
    if (this.#running === null) return this.#start();
    this.#next ??= this.#running.catch(() => undefined).then(() => this.#start());
    return this.#next;
  }

  #start(): Promise<void> {
    const files = [...this.#files];
    this.#files = new Set();
    this.#next = null;
    const running = Promise.all(files.map(syncFile)).then(() => undefined);
    this.#running = running;
    const done = () => {
      if (this.#running === running) this.#running = null;
    };
    running.then(done, done);
    return running;
  }
}

function syncFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fdatasync(fd, (error) => (error === null ? resolve() : reject(error))));
}
