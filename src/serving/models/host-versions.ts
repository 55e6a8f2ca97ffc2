import { fail } from '../../base/errors/fail.ts';
import type { RolloutStore } from '../../ports/rollout-store.ts';
import { CHAMPION } from '../../registry/champion.ts';
import type { ModelHost } from '../oip/model-host.ts';
import { versionOf } from '../rollout/lane.ts';
import type { ChampionMove, RolledVersions } from '../rollout/rolled-versions.ts';

/**
 * The versions of a model that no registry has, such as the numbered folders of a repository. The newest rollout says which one is the
 * champion, so the change of the stored rollout is the compare-and-swap of a promotion. Before the first rollout, and where that version is
 * gone, it is the version that the host answers with.
 */
export function hostVersions(
  host: Pick<ModelHost, 'source' | 'find'>,
  store: Pick<RolloutStore, 'newest'>,
  model: string,
): RolledVersions {
  const known = async (): Promise<readonly string[]> => (await host.source(model))?.versions ?? [];
  const champion = async (): Promise<number> => {
    const newest = await store.newest(model);
    const left = newest === null ? null : versionOf(newest, 'champion');
    if (left !== null && (await known()).includes(String(left))) return left;
    return Number((await host.find(model)).version);
  };
  return {
    champion,
    has: async (version) => (await known()).includes(String(version)),
    move: async ({ expected }: ChampionMove) => {
      const found = await champion();
      if (found !== expected) throw fail('REGISTRY_MOVED', { model, alias: CHAMPION, found, expected });
    },
    // Its files belong to whoever keeps the folder.
    hold: async () => undefined,
    release: async () => undefined,
    held: async () => [],
  };
}
