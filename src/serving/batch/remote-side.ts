import { join } from 'node:path';
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
  readonly from: readonly string[];
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
    const remote = from.find(isRemote);
    if (remote === undefined && !isRemote(to)) return new RemoteSide(null, null, null);
    if (remote !== undefined && from.length > 1)
      throw fail('PREDICT_INPUT', {
        path: remote,
        reason: 'a batch job reads one file of an object store, and no other one',
      });
    const store = await openStore();
    try {
      const copy = remote === undefined ? null : await copied(store, remote, scratch);
      return new RemoteSide(store, copy, isRemote(to) ? new RemoteOutput(store, to) : null);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** The input on this machine. */
  inputPaths(from: readonly string[]): readonly string[] {
    return this.copy === null ? from : [this.copy.path];
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
