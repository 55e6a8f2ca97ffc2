import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, isHeadraceError } from './base/errors/fail.ts';
import { declarationDocument, declarationJson, parseDeclaration } from './features/change/declaration-document.ts';
import { checkPlan, planChanges } from './features/change/plan-changes.ts';
import type { ProjectData } from './features/define/declaration.ts';

/** Where an environment keeps the declaration that its data was written under. */
export function declarationFile(directory: string): string {
  return join(directory, 'declaration.json');
}

/** Refuses a new meaning under an old version, before any store is opened. Errors: DECLARATION_*, CONFIG_DIRECTORY. */
export function checkDeclaration(project: ProjectData, directory: string): void {
  const file = declarationFile(directory);
  inDirectory(directory, () => {
    const before = existsSync(file) ? parseDeclaration(readFileSync(file, 'utf8')) : null;
    checkPlan(planChanges(before, declarationDocument(project)));
  });
}

/** Checks a declaration and puts it in place; call it when the directory's stores are open for writing. Errors: those of the check. */
export function placeDeclaration(project: ProjectData, directory: string): void {
  checkDeclaration(project, directory);
  const file = declarationFile(directory);
  inDirectory(directory, () => {
    writeFileSync(`${file}.tmp`, declarationJson(project));
    renameSync(`${file}.tmp`, file);
  });
}

function inDirectory(directory: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw fail('CONFIG_DIRECTORY', { directory, reason }, error);
  }
}
