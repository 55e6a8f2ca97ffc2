import { existsSync, readFileSync } from 'node:fs';
import { type DeclaredJob, declaredJob } from '../compose/tile-jobs.ts';
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
  const flink = environment.engine.kind === 'flink' ? declaredJob(project, environment) : null;
  if (call.json) call.terminal.out(JSON.stringify(flink === null ? changes : { ...changes, flink: settingsOf(flink) }));
  else call.terminal.out([planText(changes).trimEnd(), ...(flink === null ? [] : [jobText(flink)])].join('\n'));
  checkPlan(changes);
  await checkBatchViews(project);
}

/** What of the job's settings follows from the declaration. */
function settingsOf({ key, job: { properties } }: DeclaredJob): Readonly<Record<string, string>> {
  return {
    key,
    stateTtl: properties['table.exec.state.ttl'],
    miniBatch: properties['table.exec.mini-batch.allow-latency'],
    checkpoint: properties['execution.checkpointing.interval'],
  };
}

function jobText(job: DeclaredJob): string {
  const { key, stateTtl, miniBatch, checkpoint } = settingsOf(job);
  return `Flink job ${key}: state is kept ${stateTtl} after its last change, changed tiles wait up to ${miniBatch}, checkpoint every ${checkpoint}`;
}
