import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import {
  type DeclarationDocument,
  declarationDocument,
  declarationJson,
  parseDeclaration,
} from '../features/change/declaration-document.ts';
import { checkPlan, planChanges } from '../features/change/plan-changes.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { replaceFile } from '../files/replace-file.ts';

/** Where an environment keeps the declaration that its data was written under. */
export function declarationFile(directory: string): string {
  return join(directory, 'declaration.json');
}

/** The declaration that the data of an environment was written under; null: none was put in place. Errors: DECLARATION_TEXT, CONFIG_DIRECTORY. */
export function placedDeclaration(directory: string): DeclarationDocument | null {
  const file = declarationFile(directory);
  return inDirectory(directory, () => (existsSync(file) ? parseDeclaration(readFileSync(file, 'utf8')) : null));
}

/** Refuses a new meaning under an old version, before any store is opened. Errors: DECLARATION_*, CONFIG_DIRECTORY. */
export function checkDeclaration(project: ProjectData, directory: string): DeclarationDocument {
  return inDirectory(directory, () => {
    const before = placedDeclaration(directory);
    const document = declarationDocument(project, before);
    checkPlan(planChanges(before, document));
    return document;
  });
}

/**
 * Checks a declaration and puts it in place; call it when the directory's stores are open for writing. It is durable on
 * return: rows are read by the columns that it names. Errors: those of the check.
 */
export function placeDeclaration(project: ProjectData, directory: string): DeclarationDocument {
  const document = checkDeclaration(project, directory);
  const file = declarationFile(directory);
  return inDirectory(directory, () => {
    replaceFile(file, declarationJson(document));
    return document;
  });
}

function inDirectory<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    const reason = reasonOf(error);
    throw fail('CONFIG_DIRECTORY', { directory, reason }, error);
  }
}
