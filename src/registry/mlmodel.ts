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
export async function mlmodelText(files: readonly VersionFile[], artifacts: ArtifactStore): Promise<string | null> {
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

/** The flavours of an MLmodel file, with the plain values of each: `onnx` → `data` → `model.onnx`. */
export function flavorsOf(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const flavors = new Map<string, Map<string, string>>();
  let isInside = false;
  let flavor = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (!line.startsWith(' ')) isInside = line.trimEnd() === 'flavors:';
    if (!isInside || !line.startsWith('  ')) continue;
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const name = line.slice(0, colon);
    if (name.startsWith('  ') && !name.startsWith('   ')) {
      flavor = new Map();
      flavors.set(name.trim(), flavor);
    } else if (name.startsWith('    ') && !name.startsWith('     '))
      flavor.set(name.trim(), line.slice(colon + 1).trim());
  }
  return flavors;
}

/** `signature.inputs` of an MLmodel file: JSON in a YAML text, in single quotes and over several lines. */
function signatureInputs(text: string): readonly SignatureInput[] | null {
  const quoted = quotedInputs(text);
  if (quoted === null) return null;
  try {
    const lines = quoted.split('\n').map((line, index) => (index === 0 ? line : line.trimStart()));
    const inputs: unknown = JSON.parse(lines.join(' '));
    return Array.isArray(inputs) ? (inputs as readonly SignatureInput[]) : null;
  } catch {
    return null;
  }
}

/** The single-quoted text after `inputs:` in the block `signature:`, with its quotes undone; null: there is none. */
function quotedInputs(text: string): string | null {
  const block = text.startsWith('signature:\n') ? 0 : text.indexOf('\nsignature:\n') + 1;
  if (block === 0 && !text.startsWith('signature:\n')) return null;
  let at = text.indexOf('\n', block) + 1;
  while (text.startsWith('  ', at) && !text.startsWith("  inputs: '", at)) {
    const end = text.indexOf('\n', at);
    if (end === -1) return null;
    at = end + 1;
  }
  if (!text.startsWith("  inputs: '", at)) return null;
  let quoted = '';
  for (let from = at + "  inputs: '".length; ; ) {
    const quote = text.indexOf("'", from);
    if (quote === -1) return null;
    quoted += text.slice(from, quote);
    if (text[quote + 1] !== "'") return quoted;
    quoted += "'";
    from = quote + 2;
  }
}
