import { statSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';

/** By what a file is recognised as unchanged without reading it. */
export interface FileIdentity {
  readonly path: string;
  readonly inode: string;
  readonly sizeBytes: number;
  /** Of the last write and of the last change of anything, ns. */
  readonly writtenAt: string;
  readonly changedAt: string;
}

/** The file as it is now. Error: PREDICT_INPUT. */
export function identityOf(path: string): FileIdentity {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return {
      path,
      inode: String(ino),
      sizeBytes: Number(size),
      writtenAt: String(mtimeNs),
      changedAt: String(ctimeNs),
    };
  } catch (error) {
    throw fail('PREDICT_INPUT', { path, reason: reasonOf(error) }, error);
  }
}

/** Errors: PREDICT_CHANGED where a file is no longer the one that it was, PREDICT_INPUT. */
export function mustBeUnchanged(known: FileIdentity): void {
  const now = identityOf(known.path);
  if (
    now.inode !== known.inode ||
    now.sizeBytes !== known.sizeBytes ||
    now.writtenAt !== known.writtenAt ||
    now.changedAt !== known.changedAt
  )
    throw fail('PREDICT_CHANGED', { path: known.path });
}
