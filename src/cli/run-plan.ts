import { existsSync, readFileSync } from 'node:fs';
import { checkBatchViews } from '../compose.ts';
import { declarationDocument, parseDeclaration } from '../features/change/declaration-document.ts';
import { checkPlan, planChanges } from '../features/change/plan-changes.ts';
import { planText } from '../features/change/plan-text.ts';
import { declarationFile } from '../place-declaration.ts';
import type { Call } from './command.ts';
import { loadConfig } from './load-config.ts';

/** Prints what the declaration would change. Errors: those of the plan. */
export async function runPlan(call: Call): Promise<void> {
  const { project, environment } = await loadConfig(call);
  const file = declarationFile(environment.directory);
  const before = existsSync(file) ? parseDeclaration(readFileSync(file, 'utf8')) : null;
  const changes = planChanges(before, declarationDocument(project, before));
  call.terminal.out(call.json ? JSON.stringify(changes) : planText(changes).trimEnd());
  checkPlan(changes);
  await checkBatchViews(project);
}
