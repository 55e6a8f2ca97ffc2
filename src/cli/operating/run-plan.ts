import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { reasonOf } from '../../base/reason-of.ts';
import { formatDuration } from '../../base/time.ts';
import type { Environment } from '../../environment/config.ts';
import { checkDeclaredNames } from '../../environment/declared-names.ts';
import { declarationFile } from '../../environment/place-declaration.ts';
import type { Change } from '../../features/change/change.ts';
import { declarationDocument, parseDeclaration } from '../../features/change/declaration-document.ts';
import { checkPlan, planChanges } from '../../features/change/plan-changes.ts';
import { planText } from '../../features/change/plan-text.ts';
import type { ProjectData, StreamInferenceData } from '../../features/define/declaration.ts';
import { ruleCosts, ruleCostText } from '../../monitoring/monitor/rule-costs.ts';
import { type AffectedVersion, affectedVersions } from '../../registry/affected-versions.ts';
import { engineOf } from '../../site/back-ends/environment-back-ends.ts';
import { registryOf } from '../../site/back-ends/registries.ts';
import { checkBatchViews } from '../../site/file-reader.ts';
import { withSite } from '../../site/site.ts';
import { type DeclaredJob, declaredJob } from '../../site/tile-jobs.ts';
import type { Call } from '../command.ts';
import { configPath, loadConfig } from '../open/load-config.ts';

/** Prints what the declaration would change. Errors: those of the plan. */
export async function runPlan(call: Call): Promise<void> {
  const { project, environment } = await loadConfig(call);
  checkDeclaredNames(project, environment);
  const file = declarationFile(environment.directory);
  const before = existsSync(file) ? parseDeclaration(readFileSync(file, 'utf8')) : null;
  const changes = planChanges(before, declarationDocument(project, before));
  const job = engineOf(environment) === null ? null : declaredJob(project, environment);
  const served = await servedVersions(project, environment, changes.changes);
  const rules = ruleCosts(project.models);
  const streams = (project.streams ?? []).map(plannedStream);
  if (call.json)
    call.terminal.out(
      JSON.stringify({
        ...changes,
        ...(job === null ? {} : { [job.kind]: { key: job.key, ...job.settings } }),
        breaks: served.breaks,
        rules,
        streams,
      }),
    );
  else
    call.terminal.out(
      [
        planText(changes).trimEnd(),
        ...(job === null ? [] : [jobText(job)]),
        ...served.lines,
        ...streams.map(streamText),
        ...rules.map(ruleCostText),
        typesText(call),
      ].join('\n'),
    );
  checkPlan(changes);
  await checkBatchViews(project);
}

/** A declared stream. It leaves nothing in the declaration in place, so a plan lists all of them. */
interface PlannedStream {
  readonly name: string;
  readonly source: string;
  readonly model: string;
  readonly outputs: string;
  /** The event that it scores first, if it is new. */
  readonly begins: string;
}

function plannedStream({ name, from, model, to, begins }: StreamInferenceData): PlannedStream {
  return { name, source: from.name, model: model.name, outputs: to, begins: beginText(begins) };
}

function beginText(begins: StreamInferenceData['begins']): string {
  if (begins === undefined) return "the oldest event that the log keeps (begins: 'now' leaves past events out)";
  if (begins === 'now') return 'the next event to come';
  return `the first event that came at ${new Date(begins).toISOString()} or later`;
}

function streamText({ name, source, model, outputs, begins }: PlannedStream): string {
  return `stream ${name}: scores ${source} by ${model} into ${outputs}; a new stream begins with ${begins}`;
}

/** Node removes the types of a configuration without a look at them. */
function typesText(call: Call): string {
  return `the types of ${basename(configPath(call))} are not checked here: npx tsc --noEmit checks them`;
}

/** The served versions that the changes break, and lines that name them; null: the registry cannot be read. */
async function servedVersions(
  project: ProjectData,
  environment: Environment,
  changes: readonly Change[],
): Promise<{ readonly breaks: readonly AffectedVersion[] | null; readonly lines: readonly string[] }> {
  // A plan makes no file.
  if (!registryOf(environment).mayHave('registry')) return { breaks: [], lines: [] };
  try {
    return await withSite({ project, environment }, async (site) => {
      const breaks = await affectedVersions({ project, changes }, await site.open('registry', 'artifacts'));
      return { breaks, lines: breaks.map(brokenText) };
    });
  } catch (error) {
    return { breaks: null, lines: [`served versions are not checked: ${reasonOf(error)}`] };
  }
}

function brokenText({ model, version, aliases, reasons }: AffectedVersion): string {
  return `breaks ${model} version ${version} (${aliases.join(', ')}): ${reasons.join('; ')}`;
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
