import { randomUUID } from 'node:crypto';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Clock } from '../../base/time.ts';
import type { RolledModel } from '../../features/define/rollout.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { Rollout, RolloutStore } from '../../ports/rollout-store.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { namedOutput, scoreOutput } from '../../versions/load/version-scoring.ts';
import type { ModelHost } from '../oip/model-host.ts';
import { CallLanes, type LaneHold } from '../rollout/call-lanes.ts';
import { FollowedRollouts } from '../rollout/followed-rollouts.ts';
import { ModelRollouts } from '../rollout/model-rollouts.ts';
import { isRolloutHolder, registryVersions } from '../rollout/rolled-versions.ts';
import { newRolloutId } from '../rollout/rollout-control.ts';
import { httpHooks } from '../rollout/rollout-hooks.ts';
import { servedCalls } from '../rollout/rollout-needs.ts';
import { hostVersions } from './host-versions.ts';

export interface HostRolloutsOptions {
  readonly store: RolloutStore;
  readonly registry: ModelRegistry;
  /** Models that the project declares: their rollouts are of their declarations. */
  readonly declared: readonly string[];
  /** Called after each change of a rollout that this process made; the change waits for it. */
  readonly changed?: () => Promise<void>;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** The lanes and versions of one model of a host, as its rollouts need them. */
interface HostedModel {
  readonly model: RolledModel;
  readonly lanes: CallLanes;
  readonly host: ModelHost;
  readonly hold: (version: number) => Promise<LaneHold>;
}

/**
 * The rollouts of models that a server has by their names alone: registered models that no project declares, and the models of a
 * repository. This process follows them; `DecidingHostRollouts` decides over them too.
 */
export class HostRollouts<R extends FollowedRollouts<CallLanes> = FollowedRollouts<CallLanes>> {
  readonly #options: HostRolloutsOptions;
  readonly #make: (hosted: HostedModel) => Promise<R>;
  readonly #models = new Map<string, R>();
  #host: ModelHost | null = null;
  /** Why the last tick could not follow, which is reported once; null: it could. */
  #trouble: string | null = null;
  /** Rollouts under way as they were last followed: id and revision by model. */
  #followed: ReadonlyMap<string, string> = new Map();

  constructor(options: HostRolloutsOptions, make: (hosted: HostedModel) => Promise<R>) {
    this.#options = options;
    this.#make = make;
  }

  /** Begins to follow, with the host that answers the calls. A failure is reported, and tried again. */
  async serve(host: ModelHost): Promise<void> {
    this.#host = host;
    await this.#openHeld()
      .then(() => this.follow())
      .catch(this.#options.onFault);
  }

  /** The models that were rolled out since the start. */
  all(): Iterable<R> {
    return this.#models.values();
  }

  /** The lanes of a model; undefined: no rollout of it was seen. Hot path. */
  lanes(model: string): CallLanes | undefined {
    return this.#models.get(model)?.lanes;
  }

  /** The rollouts of a model of the host. Error: MODEL_UNKNOWN. */
  async named(name: string): Promise<R> {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const host = this.#host;
    if (host !== null && (await host.source(name)) !== null) return this.#open(name, host);
    const names = host === null ? [] : (await host.index()).map((row) => row.name);
    throw fail('MODEL_UNKNOWN', { model: name, known: [...new Set([...this.#options.declared, ...names])] });
  }

  /** Follows the stored rollouts of all its models. Call it some times a second. Errors: those of the store. */
  async follow(): Promise<void> {
    const host = this.#host;
    if (host === null) return;
    const underWay = (await this.#options.store.underWay()).filter((rollout) => this.#isHosted(rollout));
    const now = new Map(underWay.map(({ model, id, revision }) => [model, `${id} ${revision}`]));
    for (const model of now.keys()) await this.#open(model, host);
    for (const rollouts of this.#models.values()) await rollouts.follow();
    const moved = [...new Set([...now.keys(), ...this.#followed.keys()])];
    for (const model of moved)
      if (now.get(model) !== this.#followed.get(model)) await host.follow(model).catch(this.#options.onFault);
    this.#followed = now;
  }

  /** Follows, stores evidence and decides, where this process does so. Never throws. */
  async tick(): Promise<void> {
    try {
      await this.follow();
      this.#trouble = null;
    } catch (error) {
      const trouble = reasonOf(error);
      if (trouble !== this.#trouble) this.#options.onFault(error);
      this.#trouble = trouble;
    }
    for (const rollouts of this.#models.values()) await rollouts.tick();
  }

  /** Ends when every call has its answer. */
  async close(): Promise<void> {
    for (const rollouts of this.#models.values()) await rollouts.close();
  }

  #isHosted({ model }: Pick<Rollout, 'model'>): boolean {
    return !this.#options.declared.includes(model);
  }

  /** Opens the models whose versions are held: a process may have died between the end of a rollout and their release. */
  async #openHeld(): Promise<void> {
    const host = this.#host;
    if (host === null) return;
    for (const hold of await this.#options.registry.holds())
      if (isRolloutHolder(hold.holder) && this.#isHosted(hold)) await this.#open(hold.model, host);
  }

  async #open(name: string, host: ModelHost): Promise<R> {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const model: RolledModel = { name, task: null, quantile: null, service: null, rollout: {} };
    const hold = (version: number) => this.#hold(host, name, version);
    const { store, onFault } = this.#options;
    const lanes = new CallLanes({
      model,
      store,
      server: { hold, refresh: () => host.follow(name) },
      monotonic: () => performance.now(),
      // Nothing of these models is logged, so no copy has the id of a prediction.
      shadowed: () => undefined,
      onFault,
    });
    const made = await this.#make({ model, lanes, host, hold });
    // Another call may have opened it meanwhile.
    const rollouts = this.#models.get(name) ?? made;
    this.#models.set(name, rollouts);
    return rollouts;
  }

  async #hold(host: ModelHost, name: string, version: number): Promise<LaneHold> {
    const { served, release } = await host.keep(name, String(version));
    try {
      const isRegistered = (await host.source(name))?.isRegistered === true;
      const named = isRegistered ? namedOutput(await loadableRecord(this.#options.registry, name, version)) : undefined;
      const output = scoreOutput(served.signature.outputs, named)?.name ?? '';
      return { version: { version, signature: { output } }, release };
    } catch (error) {
      await release();
      throw error;
    }
  }
}

/** The rollouts of a host in a process that another one decides for. */
export function followedHostRollouts(options: HostRolloutsOptions): HostRollouts {
  const { store, onFault } = options;
  return new HostRollouts(
    options,
    async ({ model, lanes }) => new FollowedRollouts(lanes, { model, store, process: randomUUID(), onFault }),
  );
}

/** The rollouts of a host in the process that decides over them. */
export type DecidingHostRollouts = HostRollouts<ModelRollouts<CallLanes>>;

export function decidingHostRollouts(options: HostRolloutsOptions): DecidingHostRollouts {
  const { store, registry, clock, changed, onFault } = options;
  const rollouts: DecidingHostRollouts = new HostRollouts(options, async ({ model, lanes, host, hold }) => {
    const source = await host.source(model.name);
    const isRegistered = source?.isRegistered === true;
    return new ModelRollouts(lanes, {
      model,
      store,
      versions: isRegistered ? registryVersions(registry, model.name) : hostVersions(host, store, model.name),
      check: async (version) => (await hold(version)).release(),
      hooks: httpHooks,
      recent: async () => {
        const loaded = host.versions().filter(({ name }) => name === model.name);
        return servedCalls(
          loaded.map(({ statistics }) => statistics),
          clock(),
        );
      },
      changed: async () => {
        await rollouts.follow();
        await changed?.();
      },
      process: randomUUID(),
      newId: newRolloutId,
      clock,
      monotonic: () => performance.now(),
      onFault,
    });
  });
  return rollouts;
}
