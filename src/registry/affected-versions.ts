import { type Change, partId } from '../features/change/change.ts';
import type { FeatureServiceData, ProjectData } from '../features/define/declaration.ts';
import { modelInputs } from '../model/model-inputs.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry, VersionRecord } from '../ports/model-registry.ts';
import { lineageOf } from './lineage.ts';
import { signatureColumns } from './mlmodel.ts';

/** A version that an alias names, and what a declaration would break of it. */
export interface AffectedVersion {
  readonly model: string;
  readonly version: number;
  readonly aliases: readonly string[];
  readonly reasons: readonly string[];
}

/** Kinds of changes after which a service or view gives other values than before, or fewer. */
const BREAKING: readonly Change['kind'][] = [
  'remove',
  'removeFeatures',
  'changeCode',
  'refuseMeaning',
  'refuseVersion',
];

/**
 * The versions under an alias that a declaration breaks: it drops or changes what their service reads, or inputs of theirs are
 * no longer returned. Errors: those of the registry and the artefacts.
 */
export async function affectedVersions(
  { project, changes }: { readonly project: ProjectData; readonly changes: readonly Change[] },
  { registry, artifacts }: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
): Promise<readonly AffectedVersion[]> {
  const broken = new Set(changes.filter(({ kind }) => BREAKING.includes(kind)).map(({ part }) => partId(part)));
  const affected: AffectedVersion[] = [];
  for (const name of await registry.models()) {
    const aliases = (await registry.model(name))?.aliases ?? [];
    for (const version of new Set(aliases.map((one) => one.version))) {
      const record = await registry.versionRecord(name, version);
      if (record === null) continue;
      const reasons = [...serviceReasons(record, project, broken), ...(await inputReasons(record, project, artifacts))];
      if (reasons.length > 0) affected.push({ model: name, version, aliases: record.aliases, reasons });
    }
  }
  return affected;
}

function serviceReasons(record: VersionRecord, project: ProjectData, broken: ReadonlySet<string>): readonly string[] {
  const { service: id } = lineageOf(record);
  if (id === null || id === '') return [];
  const service = project.services.find(({ name, version }) => `${name}@${version}` === id);
  if (service === undefined) return [`its service ${id} is declared no longer`];
  return [`service ${id}`, ...viewsOf(service)].filter((part) => broken.has(part)).map((part) => `${part} changes`);
}

function viewsOf({ lookups }: FeatureServiceData): readonly string[] {
  return [...new Set(lookups.map(({ view }) => `view ${view.name}@${view.version}`))];
}

async function inputReasons(
  record: VersionRecord,
  project: ProjectData,
  artifacts: ArtifactStore,
): Promise<readonly string[]> {
  const model = project.models.find(({ name }) => name === record.model);
  if (model === undefined) return [];
  const inputs = record.trained?.signature.features ?? (await signatureColumns(record.files, artifacts)) ?? [];
  const known = new Set(modelInputs(model.service).map(({ name }) => name));
  const { name, version } = model.service;
  return inputs
    .filter((input) => !known.has(input))
    .map((input) => `service ${name}@${version} does not return its input ${input}`);
}
