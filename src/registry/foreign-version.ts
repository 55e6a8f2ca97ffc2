import { fail, isHeadraceError } from '../base/errors/fail.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { VersionRecord } from '../ports/model-registry.ts';
import type { PythonVersion } from '../ports/python-runtime.ts';
import { flavorsOf, mlmodelText } from './mlmodel.ts';
import { PROMPT_FILE, type UpstreamFlavor, upstreamFlavor } from './upstream-flavor.ts';

/** How a version that another program logged can be served: its ONNX file, or as a Python program. */
export type ForeignVersion =
  | { readonly kind: 'onnx'; readonly digest: string; readonly path: string }
  | { readonly kind: 'python'; readonly version: PythonVersion }
  /** Another server answers it; `prompt` is the digest of its text, null: it has none. */
  | { readonly kind: 'upstream'; readonly flavor: UpstreamFlavor; readonly prompt: string | null };

/** Reads how a version can be served from its MLmodel file. Errors: PYTHON_FLAVOR, ARTIFACT_*. */
export async function foreignVersion(
  record: Pick<VersionRecord, 'model' | 'version' | 'files' | 'digest'>,
  artifacts: ArtifactStore,
): Promise<ForeignVersion> {
  const { model, version, files, digest } = record;
  const refuse = (reason: string) => fail('PYTHON_FLAVOR', { model, version, reason });
  if (digest === null) throw refuse('none of its files is in this registry');
  const text = await mlmodelText(files, artifacts);
  if (text === null) throw refuse('it has no MLmodel file');
  const flavors = flavorsOf(text);
  const data = flavors.get('onnx')?.get('data');
  const onnx = files.find(({ path }) => path === data);
  if (onnx !== undefined) return { kind: 'onnx', digest: onnx.digest, path: onnx.path };
  const upstream = upstreamFlavor(flavors);
  if (upstream !== null) {
    const prompt = files.find(({ path }) => path === PROMPT_FILE)?.digest ?? null;
    return { kind: 'upstream', flavor: upstream, prompt };
  }
  if (!flavors.has('python_function'))
    throw refuse(`it has the flavours ${[...flavors.keys()].join(', ') || 'of no library'}`);
  return { kind: 'python', version: { model, version, digest, files } };
}

/** Whether a version would run as a program of its author. Errors: ARTIFACT_*. */
export async function isProgram(
  record: Parameters<typeof foreignVersion>[0],
  artifacts: ArtifactStore,
): Promise<boolean> {
  try {
    return (await foreignVersion(record, artifacts)).kind === 'python';
  } catch (error) {
    if (isHeadraceError(error) && error.code === 'PYTHON_FLAVOR') return false;
    throw error;
  }
}
