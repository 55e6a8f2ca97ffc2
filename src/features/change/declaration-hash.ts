import { canonicalJson, type Json } from '../../base/canonical-json.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { ProjectData } from '../define/declaration.ts';
import { type DeclarationDocument, declarationDocument } from './declaration-document.ts';

/**
 * The hash of a declaration: 64 hexadecimal digits, the same wherever and in whatever order of names it is written.
 * Texts of functions are not part of it: a function has no safe hash.
 */
export function declarationHash(project: ProjectData): string {
  return documentHash(declarationDocument(project));
}

/** The input of the hash: a declaration keeps its hash when the stored document gets another format. */
const HASHED_FORMAT = 1;

/** The hash of a document: SHA-256 of its canonical JSON without code and without the columns that sources had. */
export function documentHash({ project, parts }: DeclarationDocument): string {
  const plain = parts.map(
    ({ code: _, tiles, ...part }): Json => ({
      ...part,
      tiles: tiles === null ? null : { ...tiles },
    }),
  );
  return sha256Hex(canonicalJson({ format: HASHED_FORMAT, project, parts: plain }));
}
