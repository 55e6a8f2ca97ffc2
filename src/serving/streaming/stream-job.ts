import { fail } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Clock } from '../../base/time.ts';
import type { StreamInferenceData } from '../../features/define/declaration.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { RecordVerdicts } from '../../ports/record-verdicts.ts';
import type { RolloutStore } from '../../ports/rollout-store.ts';
import type { StreamLanes } from '../../ports/stream-lanes.ts';
import { CHAMPION } from '../../registry/champion.ts';
import type { Value } from '../../schema/column.ts';
import { HeldVersions } from './held-versions.ts';
import { LiveScorer, neededFrom } from './live-scorer.ts';
import { LoadedVersions, type LoadedVersionsOptions } from './loaded-versions.ts';
import { type OpenLanes, openLanes, streamTopics } from './open-lanes.ts';
import { OwnedPartitions } from './owned-partitions.ts';
import { PlanRoller, type StreamPlan } from './plan-roller.ts';
import { type OutputPage, type OutputsAsked, type RejectedPage, readOutputs, readRejected } from './read-outputs.ts';
import type { RecordCounts } from './record-counts.ts';
import { rescore } from './rescore.ts';
import type { LookUp, ReadPast, RecordUse } from './score-records.ts';
import { ShadowScorer } from './shadow-scorer.ts';
import type { StreamOutput } from './stream-record.ts';
import { StreamRollout } from './stream-rollout.ts';
import { type StreamStatus, statusOf } from './stream-status.ts';

export interface StreamJobOptions extends Omit<LoadedVersionsOptions, 'model' | 'stream'> {
  readonly data: StreamInferenceData;
  readonly log: EventLog;
  /** Where outputs go if other processes score the stream too; null: to the log, which this process alone has open. */
  readonly lanes: StreamLanes | null;
  /** The topic of the input, and its partitions. */
  readonly inputTopic: string;
  readonly partitions: number;
  readonly requestOf: (payload: Uint8Array) => Readonly<Record<string, Value>>;
  readonly look: LookUp;
  /** Takes the vector of each stored output of the live lane. */
  readonly recordUse: RecordUse;
  readonly readPast: ReadPast;
  readonly verdicts: RecordVerdicts;
  /** By partition, the offsets below which this process has the features of the events; null: all that are in the log. */
  readonly appliedTo: () => readonly number[] | null;
  readonly clock: Clock;
  /** Left out: the stream takes no part in rollouts. */
  readonly rollouts?: Pick<RolloutStore, 'newest' | 'observe'>;
  /** Ends when a turn has waited long enough for the load of a version. */
  readonly patience: () => Promise<void>;
  readonly onFault: (error: unknown) => void;
}

/** Records of one commit: each transaction costs some requests. */
const BATCH = 512;
const SHARED_BATCH = 4_096;

/**
 * One stream: scores every record of its input once, by the version that the map has for its offset. On the embedded log this process
 * owns all partitions, and the log's lock is the fence. Elsewhere the processes divide them, and the lanes fence.
 */
export class StreamJob {
  readonly data: StreamInferenceData;
  readonly #options: StreamJobOptions;
  readonly #lanes: OpenLanes;
  readonly #versions: LoadedVersions;
  readonly #held: HeldVersions;
  readonly #roller: PlanRoller;
  readonly #owned: OwnedPartitions;
  readonly #live: LiveScorer;
  readonly #shadow: ShadowScorer;
  readonly #rollout: StreamRollout;
  readonly #batch: number;
  /** First offsets and ends of the input, and next offsets of all owners, as they were last looked at. */
  #begins: readonly number[];
  #ends: readonly number[] = [];
  #nexts: readonly number[] | null = null;
  readonly #inTurn = turnsInOrder();
  #trouble: string | null = null;

  private constructor(options: StreamJobOptions, lanes: OpenLanes, begins: readonly number[]) {
    const { data, partitions, clock } = options;
    const { control } = lanes;
    this.data = data;
    this.#options = options;
    this.#lanes = lanes;
    this.#begins = begins;
    this.#batch = options.lanes === null ? BATCH : SHARED_BATCH;
    this.#versions = new LoadedVersions({ ...options, stream: data.name, model: data.model });
    this.#held = new HeldVersions({ ...options, stream: data.name, model: data.model.name });
    const rollout = new StreamRollout({
      ...options,
      stream: data.name,
      model: data.model,
      rollouts: options.rollouts ?? null,
    });
    this.#rollout = rollout;
    this.#roller = new PlanRoller({ ...options, rollout, control, versions: this.#versions, held: this.#held });
    this.#owned = new OwnedPartitions({ ...lanes, stream: data.name, partitions, member: String(process.pid), clock });
    const scoring = {
      ...options,
      stream: data.name,
      model: data.model,
      versions: this.#versions,
      owned: this.#owned,
      batch: this.#batch,
    };
    this.#live = new LiveScorer({ ...scoring, rollout, control });
    this.#shadow = new ShadowScorer(scoring);
  }

  /** Errors: STREAM_RECORD, those of the log. */
  static async open(options: StreamJobOptions): Promise<StreamJob> {
    const lanes = await openLanes(options);
    const begins = (await options.log.ends(options.inputTopic)).map(({ begin }) => begin);
    const job = new StreamJob(options, lanes, begins);
    if (options.lanes === null && lanes.control.state !== null) await job.#owned.settle(job.#firsts);
    return job;
  }

  /** Records by outcome since the start. */
  get counts(): RecordCounts {
    return this.#live.counts;
  }

  /** By topic, the first offsets that a restart reads. */
  get keepFrom(): Readonly<Record<'live' | 'shadow' | 'control', readonly number[]>> {
    return this.#lanes.keepFrom();
  }

  /** By partition, the first offset without an output; a stream that has no version yet waits for none. */
  get unscoredFrom(): readonly number[] {
    if (this.#lanes.control.state === null) return this.#begins.map(() => Number.POSITIVE_INFINITY);
    return this.#firsts.map((first, partition) => this.#nextOf(partition) ?? first);
  }

  get status(): StreamStatus {
    const { model } = this.data;
    const { state } = this.#lanes.control;
    const owned = (partition: number) => this.#owned.named(partition);
    const places = this.#firsts.map((first, partition) => {
      const next = this.#nextOf(partition) ?? first;
      return {
        next,
        end: owned(partition)?.end ?? this.#ends[partition] ?? next,
        here: owned(partition) !== undefined,
      };
    });
    return statusOf(model.name, state, places);
  }

  /** Facts that differ from the declaration, for the health report. */
  degraded(): readonly string[] {
    const { name, model } = this.data;
    const { state } = this.#lanes.control;
    const facts: string[] = [];
    if (this.#trouble !== null) facts.push(`stream ${name} does not go forward: ${this.#trouble}`);
    else if (state === null) facts.push(`stream ${name} waits for a champion of ${model.name}`);
    if (this.#shadow.trouble !== null)
      facts.push(`the shadow of stream ${name} does not go forward: ${this.#shadow.trouble}`);
    return facts;
  }

  /** Rolls, and scores what has come. A failure is reported once, shown as degraded, and tried again by the next call. */
  tick(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#work();
        this.#trouble = null;
      } catch (error) {
        const trouble = reasonOf(error);
        if (trouble !== this.#trouble) this.#options.onFault(error);
        this.#trouble = trouble;
      }
    });
  }

  /** Plans a roll. Errors: STREAM_PLAN, STREAM_CUT_OVER, REGISTRY_VERSION, MODEL_NONE. */
  roll(plan: StreamPlan): Promise<void> {
    return this.#inFreshTurn(() => this.#roller.roll(plan, this.#places()));
  }

  /**
   * Takes every cut-over that no partition has reached out of the version map, and an open plan with them; it is made by the next turn,
   * as a plan. Errors: STREAM_CUT_OVER, MODEL_NONE.
   */
  cancel(): Promise<void> {
    return this.#inFreshTurn(() => this.#roller.cancel(this.#places()));
  }

  /** Does a turn, after which no plan is open. Errors: STREAM_UNACKED, those of a turn. */
  commit(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#work();
      const open = this.#lanes.control.state?.open ?? null;
      const { unacknowledged: partitions } = this.status;
      if (open !== null) throw fail('STREAM_UNACKED', { stream: this.data.name, version: open.to.version, partitions });
    });
  }

  /** Ends an open plan without a trace. */
  abort(): Promise<void> {
    return this.#inFreshTurn(() => this.#roller.abort());
  }

  /** Scores every record once more by another version, into its own lane; null: no longer. Errors: REGISTRY_VERSION, MODEL_*. */
  shadow(version: number | null): Promise<void> {
    return this.#inFreshTurn(async () => {
      const found = version === null ? null : await this.#roller.versionOf(version);
      // A record before the first one does not count.
      if (this.#lanes.control.state === null) throw fail('MODEL_NONE', { model: this.data.model.name });
      if (found !== null) await this.#versions.load(found);
      await this.#lanes.control.append({ kind: 'shadow', version: found }, this.#options.clock());
    });
  }

  /**
   * Scores offsets [from, to) of a partition again, by the map or by one version. The live lane stays as it is.
   * Errors: STREAM_RANGE, LOG_TRIMMED, REGISTRY_VERSION, MODEL_*.
   */
  reprocess(
    partition: number,
    { from, to, version = null }: { readonly from: number; readonly to: number; readonly version?: number | null },
  ): Promise<readonly Omit<StreamOutput, 'scoredAt'>[]> {
    return this.#inFreshTurn(async () => {
      const forced = version === null ? null : await this.#roller.versionOf(version);
      const bounds = { begin: this.#begins[partition], end: this.#nextOf(partition) };
      const { model, name } = this.data;
      const options = { ...this.#options, stream: name, model, versions: this.#versions, batch: this.#batch };
      return rescore({ partition, from, to, forced }, bounds, this.#lanes.control.state, options);
    });
  }

  /** The outputs of the live lane. Errors: STREAM_CURSOR, STREAM_ELSEWHERE where brokers keep them, LOG_TRIMMED. */
  outputs(asked: OutputsAsked): Promise<OutputPage> {
    return this.#kept((log, at) => readOutputs(log, at, asked));
  }

  /** Rejected records of the live lane. Errors: those of `outputs`. */
  rejected(asked: OutputsAsked): Promise<RejectedPage> {
    return this.#kept((log, at) => readRejected(log, at, asked));
  }

  async #kept<T>(read: (log: EventLog, at: { stream: string; topic: string }) => Promise<T>): Promise<T> {
    const { lanes, log } = this.#options;
    const { name } = this.data;
    if (lanes !== null) throw fail('STREAM_ELSEWHERE', { stream: name });
    return read(log, { stream: name, topic: streamTopics(this.data).live });
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#rollout.observe();
      await this.#owned.close();
      await this.#lanes.close();
      await this.#versions.close();
    });
  }

  async #work(): Promise<void> {
    const { log, inputTopic } = this.#options;
    const ends = await log.ends(inputTopic);
    this.#begins = ends.map(({ begin }) => begin);
    this.#ends = ends.map(({ end }) => end);
    await this.#lanes.control.refresh();
    if (!(await this.#hasBegun())) return;
    await this.#owned.settle(this.#firsts);
    for (const owned of this.#owned.list) owned.end = ends[owned.partition].end;
    await this.#roller.follow();
    await this.#roller.advance(this.#owned.list);
    await this.#live.score();
    await this.#rollout.observe();
    await this.#shadow.score(this.#lanes.control.state, this.#firsts);
    await this.#forgetVersions();
    this.#nexts = await this.#lanes.nexts();
    await this.#lanes.checkPartitions();
  }

  /** Begins a job whose model has a champion. */
  async #hasBegun(): Promise<boolean> {
    const { registry, clock, data } = this.#options;
    const { control } = this.#lanes;
    if (control.state !== null) return true;
    const champion = await registry.alias(data.model.name, CHAMPION);
    if (champion === null) return false;
    const version = await this.#roller.versionOf(champion);
    await this.#versions.load(version);
    await control.begin(version, clock(), await this.#firstOffsets());
    return true;
  }

  /** Where the declaration has the stream begin, as it begins; null: at the oldest events. */
  async #firstOffsets(): Promise<readonly number[] | null> {
    const { data, log, inputTopic } = this.#options;
    const { begins } = data;
    if (begins === undefined) return null;
    if (begins === 'now') return this.#ends;
    return Promise.all(this.#ends.map((_, partition) => log.offsetAtIngest(inputTopic, partition, begins)));
  }

  /** By partition, the first offset that the stream scores, or has scored. */
  get #firsts(): readonly number[] {
    const { begins } = this.#lanes.control;
    return this.#begins.map((begin, partition) => Math.max(begin, begins[partition] ?? 0));
  }

  #places(): readonly (number | null)[] {
    return this.#begins.map((_, partition) => this.#nextOf(partition));
  }

  /** The next offset of a partition, whoever owns it; null: it is not known. */
  #nextOf(partition: number): number | null {
    return this.#owned.named(partition)?.next ?? this.#nexts?.[partition] ?? null;
  }

  async #forgetVersions(): Promise<void> {
    const { state } = this.#lanes.control;
    if (state === null) return;
    const needed = new Set<number>();
    for (const { partition, next } of this.#owned.list)
      for (const { version } of neededFrom(state.intervals[partition], next)) needed.add(version);
    if (state.open !== null) needed.add(state.open.to.version);
    if (state.shadow !== null) needed.add(state.shadow.version);
    await this.#versions.keep(needed);
    await this.#held.follow(state, this.#begins);
  }

  /** As `#inTurn`, after the records of other processes. */
  #inFreshTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#lanes.control.refresh();
      return work();
    });
  }
}
