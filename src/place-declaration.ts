import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { declarationDocument, declarationJson, parseDeclaration } from './features/change/declaration-document.ts';
import { checkPlan, planChanges } from './features/change/plan-changes.ts';
import type { ProjectData } from './features/define/declaration.ts';

/** Where an environment keeps the declaration that its data was written under. */
export function declarationFile(directory: string): string {
  return join(directory, 'declaration.json');
}

/** Puts a declaration in place: a new meaning under an old version is refused (DECLARATION_MEANING) before any store is opened. */
export function placeDeclaration(project: ProjectData, directory: string): void {
  const file = declarationFile(directory);
  const before = existsSync(file) ? parseDeclaration(readFileSync(file, 'utf8')) : null;
  checkPlan(planChanges(before, declarationDocument(project)));
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${file}.tmp`, declarationJson(project));
  renameSync(`${file}.tmp`, file);
}
