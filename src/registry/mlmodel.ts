import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { VersionFile } from '../ports/model-registry.ts';

/** The file of a version that describes it. */
const FILE = 'MLmodel';

/** A longer one is not read. */
const MOST_BYTES = 2 ** 20;

/** One input of a model's signature. */
interface SignatureInput {
  readonly name?: string;
  readonly type?: string;
}

/** The text of a version's `MLmodel`; null where it has none. Errors: ARTIFACT_*. */
async function mlmodelText(files: readonly VersionFile[], artifacts: ArtifactStore): Promise<string | null> {
  const file = files.find(({ path }) => path === FILE);
  if (file === undefined || file.sizeBytes > MOST_BYTES) return null;
  return new TextDecoder().decode(await artifacts.get(file.digest));
}

/** The named input columns of a version's signature; null where it has none, or tensors without names. */
export async function signatureColumns(
  files: readonly VersionFile[],
  artifacts: ArtifactStore,
): Promise<readonly string[] | null> {
  const text = await mlmodelText(files, artifacts);
  const inputs = text === null ? null : signatureInputs(text);
  if (inputs === null || inputs.some(({ name, type }) => name === undefined || type === 'tensor')) return null;
  return inputs.map(({ name = '' }) => name);
}

/** `signature.inputs` of an MLmodel file: JSON in a YAML text, in single quotes and over several lines. */
function signatureInputs(text: string): readonly SignatureInput[] | null {
  const [, quoted] = /^signature:\n(?: {2}.*\n)*? {2}inputs: '((?:[^']|'')*)'/m.exec(text) ?? [];
  if (quoted === undefined) return null;
  try {
    const inputs: unknown = JSON.parse(quoted.replaceAll("''", "'").replaceAll(/\n\s*/g, ' '));
    return Array.isArray(inputs) ? (inputs as readonly SignatureInput[]) : null;
  } catch {
    return null;
  }
}
