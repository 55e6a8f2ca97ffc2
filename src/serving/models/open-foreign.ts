import { fail } from '../../base/errors/fail.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { VersionRecord } from '../../ports/model-registry.ts';
import type { PythonRuntime, PythonVersion } from '../../ports/python-runtime.ts';
import { foreignVersion } from '../../registry/foreign-version.ts';
import type { OpenedVersion } from '../runtime/model-source.ts';
import { openUpstream, type UpstreamServers } from '../upstream/upstream-version.ts';

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
  if (found.kind === 'onnx') return { kind: 'onnx', file: await artifacts.get(found.digest) };
  if (found.kind === 'upstream') {
    const prompt = found.prompt === null ? null : new TextDecoder().decode(await artifacts.get(found.prompt));
    const loaded = await openUpstream({ ...record, flavor: found.flavor, prompt }, tools.upstreams ?? {});
    return { kind: 'process', platform: 'upstream', loaded, memoryBytes: () => 0 };
  }
  const opened = await runtimeFor(found.version, tools).open(found.version, tools.job);
  if (opened.kind === 'onnx') return opened;
  const { loaded, memoryBytes } = opened;
  return { kind: 'process', platform: 'python', loaded, memoryBytes };
}

/** Looks at whether a version can be served at all, without its environment. Errors: PYTHON_FLAVOR, PYTHON_OFF, ARTIFACT_*. */
export async function mustBeServable(record: VersionRecord, tools: ForeignTools): Promise<void> {
  const found = await foreignVersion(record, tools.artifacts);
  if (found.kind === 'python') runtimeFor(found.version, tools);
}

/** Makes the environment of a version that needs one, and waits for it. Errors: PYTHON_*, ARTIFACT_*. */
export async function prepareForeign(record: VersionRecord, tools: ForeignTools): Promise<void> {
  const found = await foreignVersion(record, tools.artifacts);
  if (found.kind === 'python') await runtimeFor(found.version, tools).prepare(found.version);
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
