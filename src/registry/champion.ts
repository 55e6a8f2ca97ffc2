import type { ModelRegistry } from '../ports/model-registry.ts';

/** The alias whose version serves. */
export const CHAMPION = 'champion';

export interface Promotion {
  readonly version: number;
  /** Where the alias has to stand (null: nowhere yet); left out: wherever it stands. Else REGISTRY_MOVED. */
  readonly expected?: number | null | undefined;
  /** Epoch ms. */
  readonly at: number;
  /** The one who moves it; with the reason it is kept with the move. */
  readonly who?: string | undefined;
  readonly why?: string | undefined;
}

/** The one who moves an alias, and the reason. */
export type MoveNote = Pick<Promotion, 'who' | 'why'>;

/** Makes a version the champion of its model. Errors: REGISTRY_MOVED, REGISTRY_VERSION. */
export async function promote(registry: ModelRegistry, model: string, promotion: Promotion): Promise<void> {
  const { version, expected, at, who, why } = promotion;
  const from = expected === undefined ? await registry.alias(model, CHAMPION) : expected;
  await registry.moveAlias(model, CHAMPION, { expected: from, to: version, at, who, why });
}
