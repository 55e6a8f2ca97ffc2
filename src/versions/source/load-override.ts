import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { tritonConfig } from '../config/triton-config.ts';
import type { SourceModel } from './model-source.ts';

/** A configuration, and files, that a load call brings in place of the source's own. */
export interface LoadOverride {
  /** JSON text. */
  readonly config: string | null;
  /** By `<version>/<name>`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A model as a load call wants it; without an override as the source has it. Error: OIP_LOAD. */
export function overridden(
  name: string,
  source: SourceModel | null,
  override: LoadOverride | undefined,
): SourceModel | null {
  if (override === undefined || (override.config === null && override.files.size === 0)) return source;
  const { config: text, files } = override;
  if (text === null) throw fail('OIP_LOAD', { reason: "override files need 'config' in the parameters of the load" });
  const config = tritonConfig(jsonOf(text), name, `the configuration of the load of '${name}'`);
  if (files.size === 0) return source === null ? null : { ...source, config };
  const byVersion = new Map<string, Map<string, Uint8Array>>();
  for (const [path, bytes] of files) {
    const [, version, file] = /^([1-9]\d{0,17})\/([^/\\\0]+)$/.exec(path) ?? [];
    if (version === undefined || file === undefined)
      throw fail('OIP_LOAD', { reason: `'file:${path.slice(0, 80)}' is no '<version>/<file>'` });
    byVersion.set(version, (byVersion.get(version) ?? new Map()).set(file, bytes));
  }
  return {
    config,
    versions: [...byVersion.keys()].sort((a, b) => Number(a) - Number(b)),
    preferred: null,
    alias: () => null,
    open: (version, file) => {
      const bytes = byVersion.get(version)?.get(file);
      if (bytes === undefined) throw fail('OIP_LOAD', { reason: `the load brings no file '${version}/${file}'` });
      return { kind: 'onnx', file: bytes };
    },
    warmUps: () => [],
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('OIP_LOAD', {
      reason: `its 'config' is no JSON: ${reasonOf(error)}`,
    });
  }
}
