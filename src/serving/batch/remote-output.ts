import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { RemoteText, RemoteWrites } from '../../ports/remote-writes.ts';
import { jobFolderName } from './batch-folder.ts';
import { type BatchManifest, batchManifestSchema, parseBatchFile } from './part-manifest.ts';

const MANIFEST = '_MANIFEST.json';
const PROBE = '_probe-';

/** Uploads that run at a time. */
const UPLOADS = 4;

/** The committed job of a remote output as it was when a job began. */
export interface RemoteState {
  readonly manifest: BatchManifest | null;
  /** The manifest as it is stored; null: there is none. */
  readonly stored: RemoteText | null;
}

/**
 * An output in an object store. Parts have names by their content, so attempts and runs of one job write the same objects. The commit is
 * one conditional write of `_MANIFEST.json`: it fails if another job has committed since this one began. Objects of earlier jobs stay:
 * readers trust only the files that the manifest lists.
 */
export class RemoteOutput {
  readonly #store: RemoteWrites;
  /** `s3://bucket/prefix`, without a slash at its end. */
  readonly url: string;

  constructor(store: RemoteWrites, url: string) {
    this.#store = store;
    this.url = url.replace(/\/$/, '');
  }

  /** The name of its local folder. */
  get name(): string {
    return sha256Hex(this.url).slice(0, 32);
  }

  /** The committed manifest. Errors: PREDICT_OUTPUT where another job is and `replace` is false, PREDICT_FOLDER, PREDICT_MANIFEST, REMOTE_*. */
  async open(job: string, replace: boolean): Promise<RemoteState> {
    const url = `${this.url}/${MANIFEST}`;
    const found = await this.#committed();
    if (found === null) {
      await this.#refuseForeign();
      await this.#refuseUnconditional();
      return { manifest: null, stored: null };
    }
    const manifest = parseBatchFile(batchManifestSchema, found.text, url);
    if (manifest.job !== job && !replace) throw fail('PREDICT_OUTPUT', { path: this.url, job: manifest.job });
    return { manifest, stored: found };
  }

  /** Whether every file that a manifest lists is there, with its size. Errors: REMOTE_*. */
  async isWhole(manifest: BatchManifest): Promise<boolean> {
    return (await this.#missing(manifest)).length === 0;
  }

  /**
   * Uploads the missing files of a job that is committed in a local folder, then commits it.
   * Errors: PREDICT_FENCED, REMOTE_*.
   */
  async publish(manifest: BatchManifest, folder: string, { stored }: RemoteState): Promise<void> {
    const text = readFileSync(join(folder, MANIFEST), 'utf8');
    try {
      await this.#uploadMissing(manifest, folder);
      if (!(await this.#store.swap(`${this.url}/${MANIFEST}`, text, stored?.tag ?? null)))
        throw fail('PREDICT_FENCED', { path: this.url });
    } catch (error) {
      // An answer that was lost, or another run of the same job, may have committed it.
      const now = await this.#committed().catch(() => null);
      if (now?.text !== text || stored?.text === text) throw error;
    }
  }

  async #uploadMissing(manifest: BatchManifest, folder: string): Promise<void> {
    const missing = [...(await this.#missing(manifest))];
    const upload = async () => {
      for (let name = missing.shift(); name !== undefined; name = missing.shift())
        await this.#store.upload(join(folder, manifest.folder, name), this.#objectOf(manifest, name));
    };
    const uploads = await Promise.allSettled(Array.from({ length: UPLOADS }, upload));
    for (const uploaded of uploads) if (uploaded.status === 'rejected') throw uploaded.reason;
  }

  #committed(): Promise<RemoteText | null> {
    return this.#store.text(`${this.url}/${MANIFEST}`);
  }

  async #missing(manifest: BatchManifest): Promise<readonly string[]> {
    const found = await this.#store.below(`${this.url}/${jobFolderName(manifest.job)}/`);
    const sizes = new Map(found.map(({ url, sizeBytes }) => [url, sizeBytes]));
    return manifest.parts
      .flatMap(({ output, quarantine }) => [output, quarantine].flatMap((one) => one ?? []))
      .filter(({ file, sizeBytes }) => sizes.get(this.#objectOf(manifest, file)) !== sizeBytes)
      .map(({ file }) => file);
  }

  #objectOf({ job }: BatchManifest, file: string): string {
    return `${this.url}/${jobFolderName(job)}/${file}`;
  }

  async #refuseForeign(): Promise<void> {
    const [foreign] = (await this.#store.below(`${this.url}/`)).filter(
      ({ url }) => !url.startsWith(`${this.url}/job-`) && !url.startsWith(`${this.url}/${PROBE}`),
    );
    if (foreign !== undefined) throw fail('PREDICT_FOLDER', { path: this.url, reason: `it contains "${foreign.url}"` });
  }

  /** A store that ignores conditions would let two jobs commit. Error: PREDICT_CONDITION. */
  async #refuseUnconditional(): Promise<void> {
    const url = `${this.url}/${PROBE}${randomUUID()}`;
    await this.#store.swap(url, 'probe', null);
    const isIgnored = await this.#store.swap(url, 'probe', null);
    await this.#store.remove(url);
    if (isIgnored) throw fail('PREDICT_CONDITION', { path: this.url });
  }
}
