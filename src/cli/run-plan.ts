import { existsSync, readFileSync } from 'node:fs';
import { formatDuration } from '../base/time.ts';
import { checkBatchViews } from '../compose/compose.ts';
import { type DeclaredJob, declaredJob } from '../compose/tile-jobs.ts';
import { checkRequiredModels, type Environment } from '../environment/config.ts';
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
  const job = environment.engine.kind === 'embedded' ? null : declaredJob(project, environment);
  if (call.json)
    call.terminal.out(
      JSON.stringify(job === null ? changes : { ...changes, [job.kind]: settingsOf(job, environment) }),
    );
  else
    call.terminal.out([planText(changes).trimEnd(), ...(job === null ? [] : [jobText(job, environment)])].join('\n'));
  checkPlan(changes);
  await checkBatchViews(project);
}

/** What of the job's settings follows from the declaration, and how often it writes a checkpoint. */
function settingsOf(declared: DeclaredJob, { engine }: Environment): Readonly<Record<string, string>> {
  const { key } = declared;
  if (declared.kind === 'flink') {
    const { properties } = declared.job;
    return {
      key,
      stateTtl: properties['table.exec.state.ttl'],
      miniBatch: properties['table.exec.mini-batch.allow-latency'],
      checkpoint: properties['execution.checkpointing.interval'],
    };
  }
  const stateMs = Math.max(...declared.job.queries.map(({ keptMs }) => keptMs));
  return { key, stateTtl: `${stateMs} ms`, checkpoint: engine.kind === 'spark' ? engine.checkpoint : '' };
}

function jobText(declared: DeclaredJob, environment: Environment): string {
  const { key, stateTtl, miniBatch, checkpoint } = settingsOf(declared, environment);
  const waits = miniBatch === undefined ? '' : `changed tiles wait up to ${durationOf(miniBatch)}, `;
  const name = declared.kind === 'flink' ? 'Flink' : 'Spark';
  const kept = `state is kept ${durationOf(stateTtl)} after its last change`;
  return `${name} job ${key}: ${kept}, ${waits}checkpoint every ${durationOf(checkpoint)}`;
}

/** A setting of an engine, `604800000 ms`, as a declaration writes it: `7d`. */
function durationOf(setting: string): string {
  return setting.replace(/^(\d+) ms$/, (_, ms: string) => formatDuration(Number(ms)));
}
