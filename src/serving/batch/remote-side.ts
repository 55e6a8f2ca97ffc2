import { join, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { RemoteWrites } from '../../ports/remote-writes.ts';
import { type InputCopy, openCopy } from './input-copy.ts';
import { RemoteOutput } from './remote-output.ts';

const REMOTE = 's3://';

export function isRemote(path: string): boolean {
  return path.startsWith(REMOTE);
}

export interface RemoteSideOptions {
  readonly from: string;
  readonly to: string;
  /** Opens the object store. Error: REMOTE_CLIENT. */
  readonly openStore: () => Promise<RemoteWrites>;
  /** For copies of inputs. */
  readonly scratch: string;
}

/** The part of a job that is in an object store: its input, its output, both or neither. */
export class RemoteSide {
  readonly #store: RemoteWrites | null;
  /** The copy of a remote input; null: the input is a file of this machine. */
  readonly copy: InputCopy | null;
  /** null: the output is a folder of this machine. */
  readonly output: RemoteOutput | null;

  private constructor(store: RemoteWrites | null, copy: InputCopy | null, output: RemoteOutput | null) {
    this.#store = store;
    this.copy = copy;
    this.output = output;
  }

  /** Copies a remote input. Errors: REMOTE_*, PREDICT_INPUT, PREDICT_FULL, PREDICT_WRITE. */
  static async open({ from, to, openStore, scratch }: RemoteSideOptions): Promise<RemoteSide> {
    if (!isRemote(from) && !isRemote(to)) return new RemoteSide(null, null, null);
    const store = await openStore();
    try {
      const copy = isRemote(from) ? await copied(store, from, scratch) : null;
      return new RemoteSide(store, copy, isRemote(to) ? new RemoteOutput(store, to) : null);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** The input on this machine. */
  inputPath(from: string): string {
    return this.copy?.path ?? resolve(from);
  }

  close(isFinished: boolean): void {
    this.copy?.close(isFinished);
    this.#store?.close();
  }
}

/** The ending of the name stays: it says the format. */
async function copied(store: RemoteWrites, url: string, scratch: string): Promise<InputCopy> {
  if (url.endsWith('/'))
    throw fail('PREDICT_INPUT', { path: url, reason: 'a batch job reads one file, and this is a prefix' });
  const [file] = await store.list(url);
  const [, ending = ''] = /(\.[a-z]{1,10}(?:\.gz)?)$/i.exec(url) ?? [];
  const name = `${sha256Hex(`${url}\n${file.tag}`).slice(0, 32)}${ending}`;
  return openCopy(join(scratch, name), (path) => store.download(file, path));
}
