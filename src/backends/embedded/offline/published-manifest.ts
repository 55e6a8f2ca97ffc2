import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../../../base/errors/fail.ts';
import { turnsInOrder } from '../../../base/in-turn.ts';
import type { Clock } from '../../../base/time.ts';
import { writeError } from './directory.ts';
import {
  type Manifest,
  type ManifestTable,
  readNewest,
  removeOlderManifests,
  stageManifest,
  switchManifest,
  syncPaths,
} from './manifest.ts';
import { withoutExpired } from './next-manifest.ts';
import type { PublishedFiles } from './published-files.ts';

export interface PublishedManifestOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly keepRetiredMs: number;
}

/** The manifest that this process knows, and how its writer publishes the next one. */
export class PublishedManifest {
  /** Queries and other work of this process that reads files: none is removed meanwhile. */
  queries = 0;
  readonly #options: PublishedManifestOptions;
  readonly #files: PublishedFiles;
  readonly #isWriter: boolean;
  #manifest: Manifest;
  readonly #inTurn = turnsInOrder();

  constructor(options: PublishedManifestOptions, manifest: Manifest, files: PublishedFiles, isWriter: boolean) {
    this.#options = options;
    this.#manifest = manifest;
    this.#files = files;
    this.#isWriter = isWriter;
  }

  get now(): Manifest {
    return this.#manifest;
  }

  /** A table of the manifest. Error: OFFLINE_TABLE. */
  table(name: string): ManifestTable {
    const { tables } = this.#manifest;
    const table = tables.find((each) => each.name === name);
    if (table === undefined) throw fail('OFFLINE_TABLE', { table: name, known: tables.map((each) => each.name) });
    return table;
  }

  /** Reads what the writer has published since; the writer knows it. */
  refresh(): void {
    if (!this.#isWriter) this.#manifest = readNewest(this.#options.path);
  }

  /** Error: OFFLINE_READER. */
  mustWrite(): void {
    if (!this.#isWriter) throw fail('OFFLINE_READER', { path: this.#options.path });
  }

  /** Changes run one after the other. Error: OFFLINE_READER. */
  async inTurn(work: () => Promise<void>): Promise<void> {
    this.mustWrite();
    return this.#inTurn(work);
  }

  /** Ends after the changes that have been asked for by now. */
  settled(): Promise<void> {
    return this.#inTurn(async () => undefined);
  }

  /** Publishes the manifest that work makes; the files that it wrote, whose paths it notes, go if it fails. */
  async publish(work: (paths: string[]) => Promise<Manifest>): Promise<void> {
    const { path, clock, keepRetiredMs } = this.#options;
    const paths: string[] = [];
    let manifest: Manifest;
    let expired: readonly string[];
    try {
      const made = await work(paths);
      await syncPaths(new Set([...paths, ...paths.flatMap((file) => ancestors(file, path))]));
      // A query of this process may be reading what it found before.
      const retiredBefore = this.queries > 0 ? Number.NEGATIVE_INFINITY : clock() - keepRetiredMs;
      [manifest, expired] = withoutExpired(made, retiredBefore);
      await stageManifest(path, manifest);
      switchManifest(path, manifest);
    } catch (error) {
      for (const file of paths) rmSync(file, { force: true });
      throw writeError(error, path);
    }
    // It is published: whatever happens from here on, its files stay.
    this.#manifest = manifest;
    try {
      await syncPaths([path]);
      removeOlderManifests(path, manifest);
      for (const file of expired) this.remove(file);
    } catch (error) {
      throw writeError(error, path);
    }
  }

  /** Removes a file that the manifest does not name any more. */
  remove(file: string): void {
    const path = this.#files.pathOf(file);
    rmSync(path, { force: true });
    this.#files.removed(path);
  }
}

/** The directories between a file and the store's own: each may have got a new name. */
function ancestors(file: string, store: string): readonly string[] {
  const directory = dirname(file);
  return directory === store ? [] : [directory, ...ancestors(directory, store)];
}
