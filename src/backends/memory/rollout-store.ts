import { fail } from '../../base/errors/fail.ts';
import type { Rollout, RolloutEvent, RolloutStore } from '../../ports/rollout-store.ts';

/** Rollouts in memory: the definition of the port. Nothing survives the process. */
export class MemoryRolloutStore implements RolloutStore {
  readonly #rollouts: Rollout[] = [];
  readonly #events: RolloutEvent[] = [];
  readonly #delivered = new Set<RolloutEvent>();
  readonly #evidence = new Map<string, Map<string, unknown>>();

  start(rollout: Rollout, event: RolloutEvent): void {
    const { model } = rollout;
    const active = this.#rollouts.find((one) => one.model === model && one.endedAt === null);
    if (active !== undefined) throw fail('ROLLOUT_ACTIVE', { model, rollout: active.id, version: active.candidate });
    this.#rollouts.push(structuredClone(rollout));
    this.#events.push(structuredClone(event));
  }

  newest(model: string): Rollout | null {
    return this.#rollouts.findLast((one) => one.model === model) ?? null;
  }

  list(model: string): readonly Rollout[] {
    return this.#rollouts.filter((one) => one.model === model).reverse();
  }

  change(next: Rollout, event: RolloutEvent): void {
    const at = this.#rollouts.findIndex(({ id }) => id === next.id);
    const found = this.#rollouts.at(at)?.revision ?? 0;
    if (at < 0 || found !== next.revision - 1)
      throw fail('ROLLOUT_MOVED', { rollout: next.id, found: at < 0 ? 0 : found, expected: next.revision - 1 });
    this.#rollouts[at] = structuredClone(next);
    this.#events.push(structuredClone(event));
  }

  events(rollout: string): readonly RolloutEvent[] {
    return this.#events.filter((event) => event.rollout === rollout);
  }

  undelivered(model: string): readonly RolloutEvent[] {
    const ids = new Set(this.list(model).map(({ id }) => id));
    return this.#events.filter((event) => ids.has(event.rollout) && !this.#delivered.has(event));
  }

  delivered(rollout: string, revision: number): void {
    for (const event of this.#events)
      if (event.rollout === rollout && event.revision === revision) this.#delivered.add(event);
  }

  observe(rollout: string, server: string, evidence: unknown): void {
    const servers = this.#evidence.get(rollout) ?? new Map<string, unknown>();
    this.#evidence.set(rollout, servers.set(server, structuredClone(evidence)));
  }

  evidence(rollout: string): readonly unknown[] {
    return [...(this.#evidence.get(rollout)?.values() ?? [])];
  }

  close(): void {
    // The memory stays for the others that opened it.
  }
}
