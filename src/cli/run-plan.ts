import { existsSync, readFileSync } from 'node:fs';
import { formatDuration } from '../base/time.ts';
import { engineOf } from '../compose/back-ends.ts';
import { checkBatchViews } from '../compose/compose.ts';
import { type DeclaredJob, declaredJob } from '../compose/tile-jobs.ts';
import { checkRequiredModels } from '../environment/config.ts';
import { declarationFile } from '../environment/place-declaration.ts';
import { declarationDocument, parseDeclaration } from '../features/change/declaration-document.ts';
import { checkPlan, planChanges } from '../features/change/plan-changes.ts';
import { planText } from '../features/change/plan-text.ts';
import type { Call } from './command.ts';
import { loadConfig } from './load-config.ts';

/** Prints what the declaration would change. Errors: those of the plan. */
export async function runPlan(call: Call): Promise<void> {
  const { project, environment } = await loadConfig(call);
  checkRequiredModels(project, environment);
  const file = declarationFile(environment.directory);
  const before = existsSync(file) ? parseDeclaration(readFileSync(file, 'utf8')) : null;
  const changes = planChanges(before, declarationDocument(project, before));
  const job = engineOf(environment) === null ? null : declaredJob(project, environment);
  if (call.json)
    call.terminal.out(
      JSON.stringify(job === null ? changes : { ...changes, [job.kind]: { key: job.key, ...job.settings } }),
    );
  else call.terminal.out([planText(changes).trimEnd(), ...(job === null ? [] : [jobText(job)])].join('\n'));
  checkPlan(changes);
  await checkBatchViews(project);
}

/** The settings of the job that follow from the declaration, in words. */
function jobText({ called, key, settings: { stateTtl, miniBatch, checkpoint } }: DeclaredJob): string {
  const waits = miniBatch === undefined ? '' : `changed tiles wait up to ${durationOf(miniBatch)}, `;
  const kept = `state is kept ${durationOf(stateTtl)} after its last change`;
  return `${called} job ${key}: ${kept}, ${waits}checkpoint every ${durationOf(checkpoint)}`;
}

/** A setting of an engine, `604800000 ms`, as a declaration writes it: `7d`. */
function durationOf(setting: string): string {
  return setting.replace(/^(\d+) ms$/, (_, ms: string) => formatDuration(Number(ms)));
}
