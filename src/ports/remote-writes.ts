import type { RemoteFile, RemoteFiles } from './remote-files.ts';

/** A small object with its content. */
export interface RemoteText {
  readonly text: string;
  /** Another text whenever the content is another. */
  readonly tag: string;
}

/**
 * An object store, to be read and written. Errors: REMOTE_STORE, REMOTE_FULL, REMOTE_FILE for a bucket that does not exist.
 *
 * Rules, besides those of `RemoteFiles`:
 *  1. an object is there whole, or not at all;
 *  2. `swap` writes only if the object has the tag `before`, or, with null, if there is none: false means that it has changed;
 *  3. `below` gives no error for an address without files.
 */
export interface RemoteWrites extends RemoteFiles {
  below(url: string): Promise<readonly RemoteFile[]>;
  /** Writes a local file as an object. */
  upload(path: string, url: string): Promise<void>;
  /** null: there is no such object. */
  text(url: string): Promise<RemoteText | null>;
  swap(url: string, text: string, before: string | null): Promise<boolean>;
  remove(url: string): Promise<void>;
}
