import { existsSync, readFileSync } from 'node:fs';
import { checkBatchViews } from '../../compose.ts';
import { declarationDocument, parseDeclaration } from '../../features/change/declaration-document.ts';
import { checkPlan, planChanges } from '../../features/change/plan-changes.ts';
import { planText } from '../../features/change/plan-text.ts';
import { declarationFile } from '../../place-declaration.ts';
import type { Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';

export const plan: Command = {
  name: ['plan'],
  summary: 'what the declaration would change in the environment, without changing it',
  words: '',
  arity: [0, 0],
  options: {},
  help: {},
  async run(call) {
    const { project, environment } = await loadConfig(call);
    const file = declarationFile(environment.directory);
    const before = existsSync(file) ? parseDeclaration(readFileSync(file, 'utf8')) : null;
    const changes = planChanges(before, declarationDocument(project, before));
    call.terminal.out(call.json ? JSON.stringify(changes) : planText(changes).trimEnd());
    checkPlan(changes);
    await checkBatchViews(project);
  },
};
