import { isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { ControlState } from './control-state.ts';
import { neededFrom } from './live-scorer.ts';

/** Before the name of a stream in the name of a hold. */
const HOLDER = 'stream/';

/**
 * Holds the versions that a stream needs in the registry, so that nobody deletes them: those of every offset that is still in the input,
 * that of an open plan, and that of the shadow. A version is held before it is in the control log.
 */
export class HeldVersions {
  readonly #registry: ModelRegistry;
  readonly #stream: string;
  readonly #model: string;
  readonly #held = new Set<number>();
  #isKnown = false;

  constructor({
    registry,
    stream,
    model,
  }: {
    readonly registry: ModelRegistry;
    readonly stream: string;
    readonly model: string;
  }) {
    this.#registry = registry;
    this.#stream = stream;
    this.#model = model;
  }

  /** Errors: REGISTRY_VERSION, those of the registry. */
  async hold(version: number): Promise<void> {
    if (this.#held.has(version)) return;
    await this.#registry.hold({ holder: this.#holder(version), model: this.#model, version });
    this.#held.add(version);
  }

  /** Holds what the state needs from the first offsets of the input on, and lets the others go. Errors: those of the registry. */
  async follow(state: ControlState, begins: readonly number[]): Promise<void> {
    if (!this.#isKnown) await this.#know();
    const needed = neededVersions(state, begins);
    // One that was deleted before streams held versions cannot be held.
    for (const version of needed)
      await this.hold(version).catch((error: unknown) => {
        if (!isHeadraceError(error, 'REGISTRY_VERSION')) throw error;
        this.#held.add(version);
      });
    for (const version of [...this.#held]) {
      if (needed.has(version)) continue;
      await this.#registry.release(this.#holder(version));
      this.#held.delete(version);
    }
  }

  /** Holds of an earlier life of the process. */
  async #know(): Promise<void> {
    for (const { holder, model, version } of await this.#registry.holds())
      if (model === this.#model && holder === this.#holder(version)) this.#held.add(version);
    this.#isKnown = true;
  }

  #holder(version: number): string {
    return `${HOLDER}${this.#stream}/${version}`;
  }
}

function neededVersions({ intervals, open, shadow }: ControlState, begins: readonly number[]): ReadonlySet<number> {
  const needed = intervals.flatMap((one, partition) => neededFrom(one, begins[partition] ?? 0));
  if (open !== null) needed.push(open.to);
  if (shadow !== null) needed.push(shadow);
  return new Set(needed.map(({ version }) => version));
}

/** Lets go what streams held that a project no longer declares. Errors: those of the registry. */
export async function releaseUndeclared(
  registry: ModelRegistry,
  streams: readonly string[],
  models: readonly string[],
): Promise<void> {
  for (const { holder, model } of await registry.holds()) {
    const name = holder.slice(HOLDER.length, holder.lastIndexOf('/'));
    if (holder.startsWith(HOLDER) && models.includes(model) && !streams.includes(name)) await registry.release(holder);
  }
}
