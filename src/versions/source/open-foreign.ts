import { fail } from '../../base/errors/fail.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry, VersionRecord } from '../../ports/model-registry.ts';
import type { PythonRuntime, PythonVersion } from '../../ports/python-runtime.ts';
import { type ForeignVersion, foreignVersion, isProgram } from '../../registry/foreign-version.ts';
import { externalTensors, withTensorsInside } from '../../schema/onnx-external-data.ts';
import { OnnxFileFault } from '../../schema/onnx-fields.ts';
import { openUpstream, type UpstreamServers } from '../upstream/upstream-version.ts';
import type { OpenedVersion } from './model-source.ts';

/** Where versions that other programs logged are run. */
export interface ForeignTools {
  readonly artifacts: ArtifactStore;
  /** null: versions that are Python programs are refused. */
  readonly python: PythonRuntime | null;
  /** The job that has its own worker; left out: the version is served. */
  readonly job?: string;
  /** Servers that answer versions; left out: such versions are refused. */
  readonly upstreams?: UpstreamServers;
}

/** Opens a version that another program logged. Errors: PYTHON_*, ARTIFACT_*. */
export async function openForeign(record: VersionRecord, tools: ForeignTools): Promise<OpenedVersion> {
  const { artifacts } = tools;
  const found = await foreignVersion(record, artifacts);
  if (found.kind === 'onnx') return { kind: 'onnx', file: await wholeFile(record, found, artifacts) };
  if (found.kind === 'upstream') {
    const prompt = found.prompt === null ? null : new TextDecoder().decode(await artifacts.get(found.prompt));
    const loaded = await openUpstream({ ...record, flavor: found.flavor, prompt }, tools.upstreams ?? {});
    return { kind: 'process', platform: 'upstream', loaded, memoryBytes: () => 0, isMetered: true };
  }
  const opened = await runtimeFor(found.version, tools).open(found.version, tools.job);
  if (opened.kind === 'onnx') return opened;
  const { loaded, memoryBytes } = opened;
  return { kind: 'process', platform: 'python', loaded, memoryBytes };
}

/** The ONNX file of a version, with the tensors that MLflow kept in other files of the version. Errors: ARTIFACT_*, MODEL_FILE. */
async function wholeFile(
  { files }: VersionRecord,
  { digest, path }: Extract<ForeignVersion, { readonly kind: 'onnx' }>,
  artifacts: ArtifactStore,
): Promise<Uint8Array> {
  const file = await artifacts.get(digest);
  try {
    const locations = new Set(externalTensors(file).map(({ location }) => location));
    if (locations.size === 0) return file;
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const others = files.filter((one) => one.path.startsWith(folder) && locations.has(one.path.slice(folder.length)));
    const contents = new Map<string, Uint8Array>();
    for (const one of others) contents.set(one.path.slice(folder.length), await artifacts.get(one.digest));
    return withTensorsInside(file, contents);
  } catch (error) {
    if (error instanceof OnnxFileFault) throw fail('MODEL_FILE', { reason: error.message }, error);
    throw error;
  }
}

/** Looks at whether a version can be served at all, without its environment. Errors: PYTHON_FLAVOR, PYTHON_OFF, ARTIFACT_*. */
export async function mustBeServable(record: VersionRecord, tools: ForeignTools): Promise<void> {
  const found = await foreignVersion(record, tools.artifacts);
  if (found.kind === 'python') runtimeFor(found.version, tools);
}

/**
 * Refuses a program that nobody has promoted: who calls a server may name any version, and who registers one may not run it. A rollout, a
 * job or a stream that an administrator started holds its versions. Errors: PYTHON_ALIAS, ARTIFACT_*.
 */
export async function mustBePromoted(
  record: VersionRecord,
  { registry, artifacts }: Pick<ForeignTools, 'artifacts'> & { readonly registry: ModelRegistry },
): Promise<void> {
  const { model, version, aliases } = record;
  if (aliases.length > 0 || !(await isProgram(record, artifacts))) return;
  const holds = await registry.holds();
  if (!holds.some((hold) => hold.model === model && hold.version === version))
    throw fail('PYTHON_ALIAS', { model, version });
}

/** The job that has its own worker for a version; null: the version needs none, or is served. Errors: PYTHON_FLAVOR, ARTIFACT_*. */
export async function ownWorkerOf(record: VersionRecord, { artifacts, job }: ForeignTools): Promise<string | null> {
  if (job === undefined || record.trained !== null) return null;
  return (await foreignVersion(record, artifacts)).kind === 'python' ? job : null;
}

/** Makes the environment of a version that needs one, and waits for it. Errors: PYTHON_*, ARTIFACT_*. */
export async function prepareForeign(
  record: VersionRecord,
  tools: ForeignTools,
  onLine?: (line: string) => void,
): Promise<void> {
  const found = await foreignVersion(record, tools.artifacts);
  if (found.kind === 'python') await runtimeFor(found.version, tools).prepare(found.version, onLine);
}

/** Begins to make the environment of a version that needs one. Errors: PYTHON_PREPARING while it is not there, PYTHON_*. */
export async function mustBePrepared(record: VersionRecord, tools: ForeignTools): Promise<void> {
  const found = await foreignVersion(record, tools.artifacts);
  if (found.kind === 'python') await runtimeFor(found.version, tools).mustBePrepared(found.version);
}

function runtimeFor({ model, version }: PythonVersion, { python }: ForeignTools): PythonRuntime {
  if (python === null) throw fail('PYTHON_OFF', { model, version });
  return python;
}
