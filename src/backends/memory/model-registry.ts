import { fail } from '../../base/errors/fail.ts';
import { compareText } from '../../base/text-order.ts';
import type { AliasMove, ModelRegistry, ModelVersion, NewModelVersion } from '../../ports/model-registry.ts';

/** The model registry in memory: the definition of the port. Nothing survives the process. */
export class MemoryModelRegistry implements ModelRegistry {
  readonly #versions = new Map<string, ModelVersion[]>();
  readonly #moves = new Map<string, AliasMove[]>();

  register(version: NewModelVersion): ModelVersion {
    const versions = this.#versions.get(version.model) ?? [];
    const registered: ModelVersion = { ...structuredClone(version), version: versions.length + 1 };
    this.#versions.set(version.model, [...versions, registered]);
    return registered;
  }

  models(): readonly string[] {
    return [...this.#versions.keys()].sort(compareText);
  }

  versions(model: string): readonly ModelVersion[] {
    return this.#versions.get(model) ?? [];
  }

  version(model: string, version: number): ModelVersion {
    const found = this.versions(model).find((one) => one.version === version);
    if (found === undefined) throw fail('REGISTRY_VERSION', { model, version });
    return found;
  }

  alias(model: string, alias: string): number | null {
    return this.moves(model).findLast((move) => move.alias === alias)?.to ?? null;
  }

  moveAlias(
    model: string,
    alias: string,
    { expected, to, at }: { readonly expected: number | null; readonly to: number; readonly at: number },
  ): void {
    const found = this.alias(model, alias);
    if (found !== expected) throw fail('REGISTRY_MOVED', { model, alias, found, expected });
    this.version(model, to);
    this.#moves.set(model, [...this.moves(model), { alias, from: expected, to, at }]);
  }

  moves(model: string): readonly AliasMove[] {
    return this.#moves.get(model) ?? [];
  }

  close(): void {
    // The memory stays for the others that opened it.
  }
}
