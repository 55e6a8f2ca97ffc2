import type { ModelRegistry } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';

/** The alias of the version that was champion before. */
const PREVIOUS = 'previous';

/** A move of the champion. */
export interface ChampionMove {
  readonly expected: number;
  readonly to: number;
  readonly at: number;
  readonly who: string;
  readonly why: string;
}

/** The versions of one model as its rollouts need them: which one answers, and what keeps their files. */
export interface RolledVersions {
  /** The version that answers callers who name none; null: there is none. */
  champion(): Promise<number | null>;
  has(version: number): Promise<boolean>;
  /** Makes a version the champion by compare-and-swap. Errors: REGISTRY_MOVED, REGISTRY_GATE. */
  move(change: ChampionMove): Promise<void>;
  /** Keeps the files of versions from the collector until `release`. */
  hold(rollout: string, versions: readonly number[]): Promise<void>;
  release(rollout: string): Promise<void>;
  /** Those of some rollouts whose versions are still held. */
  held(rollouts: readonly string[]): Promise<readonly string[]>;
}

type Registry = Pick<ModelRegistry, 'alias' | 'moveAlias' | 'versionRecord' | 'hold' | 'release' | 'holds'>;

const HOLDER = 'rollout/';

function holderOf(rollout: string): string {
  return `${HOLDER}${rollout}`;
}

/** Whether a rollout holds a version by this name. */
export function isRolloutHolder(holder: string): boolean {
  return holder.startsWith(HOLDER);
}

/** The versions of a registered model: its alias `champion` is the version that answers. */
export function registryVersions(registry: Registry, model: string): RolledVersions {
  const pointPrevious = async (to: number, at: number): Promise<void> => {
    const expected = await registry.alias(model, PREVIOUS);
    if (expected === to) return;
    const why = 'the version before the champion';
    await registry.moveAlias(model, PREVIOUS, { expected, to, at, who: 'rollout', why });
  };
  return {
    champion: () => registry.alias(model, CHAMPION),
    has: async (version) => (await registry.versionRecord(model, version)) !== null,
    move: async (change) => {
      await registry.moveAlias(model, CHAMPION, change);
      await pointPrevious(change.expected, change.at);
    },
    hold: async (rollout, versions) => {
      for (const version of versions) await registry.hold({ holder: holderOf(rollout), model, version });
    },
    release: (rollout) => registry.release(holderOf(rollout)),
    held: async (rollouts) => {
      const holders = new Set((await registry.holds()).map(({ holder }) => holder));
      return rollouts.filter((rollout) => holders.has(holderOf(rollout)));
    },
  };
}
