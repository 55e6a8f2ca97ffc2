/** A file in an object store. */
export interface RemoteFile {
  /** Such as `s3://bucket/orders/1.parquet`. */
  readonly url: string;
  readonly sizeBytes: number;
  /** Another text whenever the content is another. */
  readonly tag: string;
}

/**
 * Files in an object store, to be read.
 *
 * Rules:
 *  1. `list` of an address that ends in `/` gives every file below it, in the order of their names; of another address the one file;
 *  2. an address without a file is REMOTE_FILE, a store that does not answer or refuses is REMOTE_STORE;
 *  3. after `download` the local file is whole, or absent: a file that has changed since it was listed is REMOTE_FILE.
 */
export interface RemoteFiles {
  list(url: string): Promise<readonly RemoteFile[]>;
  /** Copies a listed file to a path. */
  download(file: RemoteFile, path: string): Promise<void>;
  close(): void;
}
