import type { RolloutStore } from '../../ports/rollout-store.ts';
import { CHAMPION } from '../../registry/champion.ts';
import type { ModelSource, SourceModel } from '../../versions/source/model-source.ts';
import { versionOf } from '../rollout/lane.ts';

/**
 * A source without aliases whose models are rolled out: the newest rollout of a model says which of its versions answers callers who name
 * none, as long as the source has that version. A model without a rollout is as the source has it.
 */
export class RolledSource implements ModelSource {
  readonly #source: ModelSource;
  readonly #rollouts: Pick<RolloutStore, 'newest'>;

  constructor(source: ModelSource, rollouts: Pick<RolloutStore, 'newest'>) {
    this.#source = source;
    this.#rollouts = rollouts;
  }

  names() {
    return this.#source.names();
  }

  async find(name: string): Promise<SourceModel | null> {
    const found = await this.#source.find(name);
    if (found === null) return null;
    const newest = await this.#rollouts.newest(name);
    const champion = newest === null ? null : String(versionOf(newest, 'champion'));
    if (champion === null || !found.versions.includes(champion)) return found;
    return { ...found, preferred: champion, alias: (alias) => (alias === CHAMPION ? champion : found.alias(alias)) };
  }
}
