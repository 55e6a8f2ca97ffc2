import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { StreamInferenceData } from '../../features/define/declaration.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { scoringDigest } from '../../versions/load/scored-version.ts';
import type { ForeignTools } from '../../versions/source/open-foreign.ts';
import { bucketsOf, isCompared } from '../rollout/lane.ts';
import type { ControlLog } from './control-log.ts';
import type { ControlState, CutOver, OpenPlan } from './control-state.ts';
import type { HeldVersions } from './held-versions.ts';
import type { LoadedVersions } from './loaded-versions.ts';
import { barriersOf, ceilingOf, holdAfter } from './member-step.ts';
import type { OwnedPartition } from './owned-partitions.ts';

/** A partition for which this process acknowledges plans. */
type Acknowledged = Pick<OwnedPartition, 'partition' | 'epoch' | 'next' | 'hold' | 'end'>;

import type { StreamRollout } from './stream-rollout.ts';
import { intervalAt, type StreamVersion } from './version-map.ts';

/** A roll to another version. */
export interface StreamPlan {
  readonly version: number;
  /** At the end of each partition where it is left out. */
  readonly cutOver?: Exclude<CutOver, { readonly kind: 'cancel' }>;
  /** Whether it takes the place of an open plan. */
  readonly replace?: boolean | undefined;
}

export interface PlanRollerOptions extends ForeignTools {
  readonly data: StreamInferenceData;
  readonly registry: ModelRegistry;
  readonly log: EventLog;
  readonly inputTopic: string;
  readonly partitions: number;
  readonly control: ControlLog;
  readonly versions: LoadedVersions;
  readonly held: HeldVersions;
  readonly rollout: StreamRollout;
  readonly clock: Clock;
  /** Ends when a turn has waited long enough for the load of a version, which then continues by itself. */
  readonly patience: () => Promise<void>;
  readonly onFault: (error: unknown) => void;
}

/** Records that are looked through at a time. */
const LOOK = 512;

/** Plans rolls of a stream, makes their versions ready, acknowledges and commits them. */
export class PlanRoller {
  readonly #options: PlanRollerOptions;
  /** The load that is under way; null: none. */
  #loading: Promise<{ readonly error: unknown } | null> | null = null;

  /** Versions that can never be loaded here: a rollout plans them once. */
  readonly #unloadable = new Set<number>();

  constructor(options: PlanRollerOptions) {
    this.#options = options;
  }

  /** Errors: STREAM_PLAN, STREAM_CUT_OVER, REGISTRY_VERSION, MODEL_NONE. */
  async roll(
    { version, cutOver = { kind: 'at-offset', offsets: null }, replace = false }: StreamPlan,
    nexts: readonly (number | null)[],
  ): Promise<void> {
    this.#check(cutOver, nexts);
    const { registry, data } = this.#options;
    const champion = await registry.alias(data.model.name, CHAMPION);
    const planned = await this.#plan(await this.versionOf(version), cutOver, champion, replace);
    // Another process planned at the same time, and its record came first.
    if (!planned) throw this.#busy(version);
  }

  /** Plans to take out what no partition has reached, in the place of an open plan. Error: STREAM_CUT_OVER where there is nothing. */
  async cancel(nexts: readonly (number | null)[]): Promise<void> {
    const { control, data } = this.#options;
    const { state } = control;
    if (state === null) throw fail('MODEL_NONE', { model: data.model.name });
    const { open, intervals, champion } = state;
    const waits = intervals.some((known, partition) =>
      known.some(({ from }) => from >= (nexts[partition] ?? 0) && from > 0),
    );
    if (open === null && !waits)
      throw fail('STREAM_CUT_OVER', {
        stream: data.name,
        reason: 'every cut-over has been reached; roll to another version',
      });
    const { version, digest } = intervalAt(intervals[0], nexts[0] ?? 0);
    if (!(await this.#plan({ version, digest }, { kind: 'cancel' }, champion, true))) throw this.#busy(version);
  }

  /** Ends an open plan without a trace. */
  async abort(): Promise<void> {
    const { control, clock } = this.#options;
    const open = control.state?.open ?? null;
    if (open !== null) await control.append({ kind: 'abort', plan: open.plan }, clock());
  }

  /**
   * Plans a roll to the champion where the alias has moved since the last plan; or to the share of callers that the rollout of the model has
   * reached.
   */
  async follow(): Promise<void> {
    const { control, registry, data, rollout } = this.#options;
    const { state } = control;
    if (state === null || state.open !== null) return;
    const champion = await registry.alias(data.model.name, CHAMPION);
    if (champion === null) return;
    if (champion === state.champion) return this.#followRollout(state, await rollout.read());
    await this.#plan(await this.versionOf(champion), { kind: 'at-offset', offsets: null }, champion);
  }

  /** Each step is a plan of its share of callers; the end of a rollout is one of the champion alone. */
  async #followRollout({ intervals, champion }: ControlState, rollout: Rollout | null): Promise<void> {
    const newest = intervals[0]?.at(-1);
    if (rollout === null || newest === undefined || newest.version !== rollout.champion) return;
    const { salt, candidate, plan } = rollout;
    const wanted = isCompared(rollout) ? bucketsOf(rollout) : 0;
    const isOfRollout = newest.canary?.salt === salt && newest.canary.caller !== undefined;
    if (wanted === (isOfRollout ? newest.canary?.buckets : 0)) return;
    if (wanted === 0) {
      await this.#plan(await this.versionOf(rollout.champion), { kind: 'immediate' }, champion);
      return;
    }
    if (this.#unloadable.has(candidate)) return;
    const cutOver: CutOver = { kind: 'canary-keys', buckets: wanted, salt, caller: plan.key };
    await this.#plan(await this.versionOf(candidate), cutOver, champion);
  }

  /** Loads the new version, acknowledges for each partition, and commits the plan once every partition has a ceiling. */
  async advance(owned: readonly Acknowledged[]): Promise<void> {
    const { control, clock, onFault } = this.#options;
    const open = control.state?.open ?? null;
    if (open === null) return;
    const failure = await this.#loaded(open.to);
    if (failure === 'later') return;
    if (failure !== null) {
      if (!isHeadraceError(failure.error) || failure.error.retry !== 'never') throw failure.error;
      this.#unloadable.add(open.to.version);
      await this.abort();
      return onFault(failure.error);
    }
    for (const one of owned)
      if (open.acks[one.partition]?.epoch !== one.epoch && control.state?.open?.plan === open.plan)
        await this.#acknowledge(one, open);
    const barriers = control.state === null ? null : barriersOf(control.state);
    if (barriers !== null) await control.append({ kind: 'commit', plan: open.plan, barriers }, clock());
    const after = control.state;
    if (after !== null) for (const one of owned) one.hold = holdAfter(after, one.hold);
  }

  /** Loads a version next to the scoring of records; `later`: it is not there yet. null: it is. */
  async #loaded(version: StreamVersion): Promise<{ readonly error: unknown } | 'later' | null> {
    const { versions, patience } = this.#options;
    if (versions.has(version.version)) return null;
    this.#loading ??= versions.load(version).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    const loading = this.#loading;
    const outcome = await Promise.race([loading, patience().then(() => 'later' as const)]);
    if (outcome !== 'later') this.#loading = null;
    // The load of an earlier plan's version may have been under way.
    return outcome === null && !versions.has(version.version) ? 'later' : outcome;
  }

  /** A version to roll to, held from here on. Errors: REGISTRY_VERSION, REGISTRY_SEAL, PYTHON_FLAVOR, PYTHON_OFF. */
  async versionOf(version: number): Promise<StreamVersion> {
    const { registry, data } = this.#options;
    const record = await loadableRecord(registry, data.model.name, version);
    const digest = await scoringDigest(record, this.#options);
    await this.#options.held.hold(version);
    return { version, digest };
  }

  /** Whether the plan counts. */
  #plan(to: StreamVersion, cutOver: CutOver, champion: number | null, replace = false): Promise<boolean> {
    const { control, data, clock } = this.#options;
    const { state } = control;
    if (state === null) throw fail('MODEL_NONE', { model: data.model.name });
    if (state.open !== null && !replace) throw this.#busy(state.open.to.version);
    const replaces = state.open === null ? {} : { replaces: state.open.plan };
    return control.append({ kind: 'plan', plan: state.lastPlan + 1, to, cutOver, champion, ...replaces }, clock());
  }

  #busy(version: number): Error {
    const { data, control } = this.#options;
    return fail('STREAM_PLAN', { stream: data.name, version: control.state?.open?.to.version ?? version });
  }

  async #acknowledge(owned: Acknowledged, { plan, cutOver }: OpenPlan): Promise<void> {
    const { partition, epoch } = owned;
    // An ack that is in doubt is sent again as it was: its promise holds.
    const ceiling = owned.hold?.plan === plan ? owned.hold.ceiling : await this.#ceilingOf(owned, cutOver);
    if (ceiling === null) return;
    const now = this.#options.clock();
    if (ceiling === 'passed') {
      await this.#options.control.append({ kind: 'passed', plan, partition, epoch, at: owned.next }, now);
      return;
    }
    // The promise holds from before anybody can count on it.
    owned.hold = { plan, ceiling };
    await this.#options.control.append({ kind: 'ack', plan, partition, epoch, ceiling }, now);
  }

  async #ceilingOf(owned: Acknowledged, cutOver: CutOver): Promise<number | 'passed' | null> {
    if (cutOver.kind !== 'at-event-time')
      return ceilingOf(cutOver, owned, { end: owned.end, firstAt: () => null, isIdle: () => false });
    const firstAt = await this.#firstAt(owned, cutOver);
    const quietMs = await this.#quietMs(owned);
    const isIdle = (at: number, idleMs: number) => quietMs >= idleMs && this.#options.clock() - at >= idleMs;
    return ceilingOf(cutOver, owned, { end: owned.end, firstAt, isIdle });
  }

  /** For how long a partition has had no record; 0: it has some that were not looked at. */
  async #quietMs({ partition, next, end }: Acknowledged): Promise<number> {
    const { log, inputTopic, clock } = this.#options;
    const now = (await log.ends(inputTopic))[partition];
    if (now === undefined || now.end !== end || next < end) return 0;
    if (now.end === now.begin) return Number.POSITIVE_INFINITY;
    const { records } = await log.read(inputTopic, partition, end - 1, 1);
    return clock() - (records[0]?.ingestTs ?? clock());
  }

  /** Looks for the first record of an event time among those that have come. */
  async #firstAt({ partition, next, end }: Acknowledged, cutOver: CutOver): Promise<() => number | null> {
    if (cutOver.kind !== 'at-event-time') return () => null;
    const { log, inputTopic } = this.#options;
    for (let at = next; at < end; ) {
      const { records } = await log.read(inputTopic, partition, at, Math.min(LOOK, end - at));
      const found = records.findIndex(({ ts }) => ts >= cutOver.at);
      const from = at;
      if (found >= 0) return () => from + found;
      if (records.length === 0) break;
      at += records.length;
    }
    return () => null;
  }

  #check(cutOver: CutOver, nexts: readonly (number | null)[]): void {
    const { partitions, data } = this.#options;
    const stream = data.name;
    if (cutOver.kind === 'at-offset' && cutOver.offsets !== null && cutOver.offsets.length !== partitions)
      throw fail('STREAM_CUT_OVER', {
        stream,
        reason: `it has ${partitions} partitions, not ${cutOver.offsets.length}`,
      });
    // The control log is read back by its schema: what the schema refuses would keep the stream from opening again.
    if (cutOver.kind === 'at-offset' && cutOver.offsets?.every((offset) => isWhole(offset)) === false)
      throw fail('STREAM_CUT_OVER', { stream, reason: 'offsets are whole numbers from 0 on' });
    for (const [partition, offset] of (cutOver.kind === 'at-offset' && cutOver.offsets !== null
      ? cutOver.offsets
      : []
    ).entries())
      if (offset < (nexts[partition] ?? 0))
        throw fail('STREAM_CUT_OVER', {
          stream,
          reason: `partition ${partition} is at offset ${nexts[partition] ?? 0}, past ${offset}`,
        });
    if (cutOver.kind === 'at-event-time' && !isWhole(cutOver.idleMs ?? 0))
      throw fail('STREAM_CUT_OVER', { stream, reason: 'the idle time is a whole number of milliseconds' });
    if (cutOver.kind === 'at-event-time' && !Number.isFinite(cutOver.at))
      throw fail('STREAM_CUT_OVER', { stream, reason: 'the event time is a number of milliseconds' });
    if (cutOver.kind === 'canary-keys' && !(isWhole(cutOver.buckets) && cutOver.buckets <= 10_000))
      throw fail('STREAM_CUT_OVER', { stream, reason: 'buckets are a whole number from 0 to 10000' });
  }
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
