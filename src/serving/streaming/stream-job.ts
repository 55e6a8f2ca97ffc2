import { fail } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { StreamInferenceData } from '../../features/define/declaration.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import { CHAMPION } from '../../registry/champion.ts';
import type { Value } from '../../schema/column.ts';
import { ControlLog } from './control-log.ts';
import type { ControlState } from './control-state.ts';
import { LoadedVersions, type LoadedVersionsOptions } from './loaded-versions.ts';
import { mayScoreTo } from './member-step.ts';
import { type OwnedPartition, PlanRoller, type StreamPlan } from './plan-roller.ts';
import { keyOfRequest, type ReadVector, scoreRecords } from './score-records.ts';
import { StreamLane } from './stream-lane.ts';
import type { StreamOutput } from './stream-record.ts';
import { type Interval, intervalAt, type StreamVersion, versionAt } from './version-map.ts';

export interface StreamJobOptions extends Omit<LoadedVersionsOptions, 'model'> {
  readonly data: StreamInferenceData;
  readonly log: EventLog;
  /** The topic of the input, and its partitions. */
  readonly inputTopic: string;
  readonly partitions: number;
  readonly requestOf: (payload: Uint8Array) => Readonly<Record<string, Value>>;
  readonly read: ReadVector;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** How a stream stands. */
export interface StreamStatus {
  readonly model: string;
  /** By partition. */
  readonly partitions: readonly {
    /** Offsets below it are scored. */
    readonly next: number;
    /** Records that wait. */
    readonly waiting: number;
    readonly intervals: readonly Interval[];
  }[];
  readonly rollingTo: number | null;
  readonly shadow: number | null;
}

/** Records that are scored at a time, and batches of a turn. */
const BATCH = 512;
const MOST_BATCHES = 16;

/** The topics of a stream. No event source has a hyphen in its name, so none has these topics. */
export function streamTopics({ name, to }: Pick<StreamInferenceData, 'name' | 'to'>) {
  return { live: `streamed-${to}@1`, shadow: `streamed-${to}-shadow@1`, control: `stream-${name}-control@1` };
}

/**
 * One stream: scores every record of its input once, by the version that the map has for its offset. The process that has the log open
 * owns all partitions; the log's lock is the fence.
 */
export class StreamJob {
  readonly data: StreamInferenceData;
  readonly #options: StreamJobOptions;
  readonly #control: ControlLog;
  readonly #live: StreamLane;
  readonly #shadow: StreamLane;
  readonly #versions: LoadedVersions;
  readonly #roller: PlanRoller;
  /** First offsets of the input, as they were last looked at. */
  #begins: readonly number[];
  #owned: OwnedPartition[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #scored = 0;
  #rejected = 0;
  #trouble: string | null = null;

  private constructor(
    options: StreamJobOptions,
    topics: { readonly control: ControlLog; readonly live: StreamLane; readonly shadow: StreamLane },
    begins: readonly number[],
  ) {
    this.data = options.data;
    this.#options = options;
    this.#control = topics.control;
    this.#live = topics.live;
    this.#shadow = topics.shadow;
    this.#begins = begins;
    this.#versions = new LoadedVersions({ ...options, model: options.data.model });
    this.#roller = new PlanRoller({ ...options, control: topics.control, versions: this.#versions });
  }

  /** Errors: STREAM_RECORD, those of the log. */
  static async open(options: StreamJobOptions): Promise<StreamJob> {
    const { data, log, partitions, inputTopic } = options;
    const topics = streamTopics(data);
    const control = await ControlLog.open({ log, topic: topics.control, partitions });
    const live = await StreamLane.open(log, topics.live, partitions);
    const shadow = await StreamLane.open(log, topics.shadow, partitions);
    const begins = (await log.ends(inputTopic)).map(({ begin }) => begin);
    const job = new StreamJob(options, { control, live, shadow }, begins);
    if (control.state !== null) await job.#claim(control.state);
    return job;
  }

  /** Records scored and rejected since the start. */
  get counts(): { readonly scored: number; readonly rejected: number } {
    return { scored: this.#scored, rejected: this.#rejected };
  }

  /** By topic, the first offsets that a restart reads. */
  get keepFrom(): Readonly<Record<'live' | 'shadow' | 'control', readonly number[]>> {
    return { live: this.#live.keepFrom, shadow: this.#shadow.keepFrom, control: [0] };
  }

  /** By partition, the first offset without an output; a stream that has no version yet waits for none. */
  get unscoredFrom(): readonly number[] {
    return this.#owned.length === 0
      ? this.#begins.map(() => Number.POSITIVE_INFINITY)
      : this.#owned.map(({ next }) => next);
  }

  get status(): StreamStatus {
    const state = this.#control.state;
    return {
      model: this.data.model.name,
      partitions: this.#owned.map(({ partition, next, end }) => ({
        next,
        waiting: Math.max(0, end - next),
        intervals: state?.intervals[partition] ?? [],
      })),
      rollingTo: state?.open?.to.version ?? null,
      shadow: state?.shadow?.version ?? null,
    };
  }

  /** Facts that differ from the declaration, for the health report. */
  degraded(): readonly string[] {
    if (this.#trouble !== null) return [`stream ${this.data.name} does not go forward: ${this.#trouble}`];
    return this.#control.state === null
      ? [`stream ${this.data.name} waits for a champion of ${this.data.model.name}`]
      : [];
  }

  /** Rolls, and scores what has come. A failure is reported once, shown as degraded, and tried again by the next call. */
  tick(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#work();
        this.#trouble = null;
      } catch (error) {
        const trouble = error instanceof Error ? error.message : String(error);
        if (trouble !== this.#trouble) this.#options.onFault(error);
        this.#trouble = trouble;
      }
    });
  }

  /** Plans a roll. Errors: STREAM_PLAN, STREAM_CUT_OVER, REGISTRY_VERSION, MODEL_NONE. */
  roll(plan: StreamPlan): Promise<void> {
    return this.#inTurn(() => this.#roller.roll(plan));
  }

  /** Ends an open plan without a trace. */
  abort(): Promise<void> {
    return this.#inTurn(() => this.#roller.abort());
  }

  /** Scores every record once more by another version, into its own lane; null: no longer. Errors: REGISTRY_VERSION, MODEL_*. */
  shadow(version: number | null): Promise<void> {
    return this.#inTurn(async () => {
      const found = version === null ? null : await this.#roller.versionOf(version);
      // A record before the first one does not count.
      if (this.#control.state === null) throw fail('MODEL_NONE', { model: this.data.model.name });
      if (version !== null) await this.#versions.load(version);
      await this.#control.append({ kind: 'shadow', version: found }, this.#options.clock());
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
    return this.#inTurn(async () => {
      const owned = this.#owned[partition];
      if (owned === undefined || from < this.#begins[partition] || to > owned.next || !(from < to))
        throw fail('STREAM_RANGE', { stream: this.data.name, partition, from, to });
      const forced = version === null ? null : await this.#roller.versionOf(version);
      const outputs: Omit<StreamOutput, 'scoredAt'>[] = [];
      for (let at = from; at < to; ) {
        const { records } = await this.#options.log.read(
          this.#options.inputTopic,
          partition,
          at,
          Math.min(BATCH, to - at),
        );
        outputs.push(...(await this.#outputs(owned, at, records, forced, `reprocess:${from}-${to}`)));
        at += records.length;
      }
      return outputs;
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#versions.close());
  }

  async #work(): Promise<void> {
    const { log, inputTopic } = this.#options;
    const ends = await log.ends(inputTopic);
    this.#begins = ends.map(({ begin }) => begin);
    const state = await this.#begun();
    if (state === null) return;
    for (const owned of this.#owned) owned.end = ends[owned.partition].end;
    await this.#roller.follow();
    await this.#roller.advance(this.#owned);
    for (const owned of this.#owned) await this.#score(owned);
    await this.#scoreShadow();
    await this.#forgetVersions();
  }

  /** The state of a job that has begun and whose partitions are claimed; null: there is no champion yet. */
  async #begun(): Promise<ControlState | null> {
    const { registry, clock, data } = this.#options;
    if (this.#control.state === null) {
      const champion = await registry.alias(data.model.name, CHAMPION);
      if (champion === null) return null;
      await this.#versions.load(champion);
      await this.#control.begin(await this.#roller.versionOf(champion), clock());
    }
    const { state } = this.#control;
    if (state !== null && this.#owned.length === 0) await this.#claim(state);
    return this.#control.state;
  }

  /** Takes every partition over: the log has one writer, which is this process. */
  async #claim({ epochs }: ControlState): Promise<void> {
    const owned: OwnedPartition[] = [];
    for (const [partition, epoch] of epochs.entries()) {
      const claim = { kind: 'claim', partition, epoch: epoch + 1, member: String(process.pid) } as const;
      await this.#control.append(claim, this.#options.clock());
      const next = this.#live.next(partition) ?? this.#begins[partition];
      owned.push({ partition, epoch: epoch + 1, next, hold: null, end: next });
    }
    this.#owned = owned;
  }

  async #score(owned: OwnedPartition): Promise<void> {
    const { log, inputTopic, clock } = this.#options;
    for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
      const { state } = this.#control;
      if (state === null || owned.next >= owned.end) return;
      await this.#load(state.intervals[owned.partition], owned.next);
      const isLoaded = (version: number) => this.#versions.has(version);
      const to = mayScoreTo(state, owned, Math.min(owned.end, owned.next + BATCH), isLoaded);
      if (to <= owned.next) return;
      const { records } = await log.read(inputTopic, owned.partition, owned.next, to - owned.next);
      const outputs = await this.#outputs(owned, owned.next, records, null, 'live');
      await this.#live.append(owned.partition, outputs, clock());
      owned.next += records.length;
      for (const { error } of outputs) {
        if (error === null) this.#scored += 1;
        else this.#rejected += 1;
      }
    }
  }

  /** The shadow's own lane: as far as the live one, and what fails there leaves the live one alone. */
  async #scoreShadow(): Promise<void> {
    const { log, inputTopic, clock, onFault } = this.#options;
    const shadow = this.#control.state?.shadow ?? null;
    if (shadow === null) return;
    try {
      for (const owned of this.#owned) {
        const { partition } = owned;
        // A new shadow begins near the live lane. One that was away skips what the log no longer has.
        const next = Math.max(this.#begins[partition], this.#shadow.next(partition) ?? owned.next - BATCH);
        if (next >= owned.next) continue;
        const { records } = await log.read(
          inputTopic,
          partition,
          next,
          Math.min(MOST_BATCHES * BATCH, owned.next - next),
        );
        await this.#shadow.append(
          partition,
          await this.#outputs(owned, next, records, shadow, `shadow:${shadow.version}`),
          clock(),
        );
      }
    } catch (error) {
      onFault(error);
    }
  }

  async #outputs(
    { partition, epoch }: OwnedPartition,
    from: number,
    records: readonly LogRecord[],
    forced: StreamVersion | null,
    lane: string,
  ): Promise<readonly Omit<StreamOutput, 'scoredAt'>[]> {
    const { model } = this.data;
    const intervals = this.#control.state?.intervals[partition] ?? [];
    const versions = records.map((record, i) => forced ?? versionAt(intervals, from + i, this.#keyOf(record)));
    for (const { version } of versions) await this.#versions.load(version);
    const scores = await scoreRecords(
      records,
      (place) => {
        const loaded = this.#versions.get(versions[place].version);
        if (loaded === undefined) throw new Error(`version ${versions[place].version} is not loaded`);
        return loaded;
      },
      { ...this.#options, model },
    );
    return records.map(({ id, ts }, i) => ({
      id,
      at: ts,
      offset: from + i,
      ...scores[i],
      model: model.name,
      ...versions[i],
      plan: intervalAt(intervals, from + i).plan,
      service: `${model.service.name}@${model.service.version}`,
      epoch,
      lane,
    }));
  }

  /** A record that cannot be read has the key of none. */
  #keyOf({ id, payload, foreign }: LogRecord): string {
    if (id === '' || foreign !== undefined) return '';
    try {
      return keyOfRequest(this.data.model, this.#options.requestOf(payload));
    } catch {
      return '';
    }
  }

  async #load(intervals: readonly Interval[], next: number): Promise<void> {
    for (const { version, canary } of intervals.slice(intervals.indexOf(intervalAt(intervals, next)))) {
      await this.#versions.load(version);
      if (canary !== null) await this.#versions.load(canary.version);
    }
  }

  async #forgetVersions(): Promise<void> {
    const { state } = this.#control;
    if (state === null) return;
    const needed = new Set<number>();
    for (const { partition, next } of this.#owned) {
      const intervals = state.intervals[partition];
      for (const { version, canary } of intervals.slice(intervals.indexOf(intervalAt(intervals, next)))) {
        needed.add(version);
        if (canary !== null) needed.add(canary.version);
      }
    }
    if (state.open !== null) needed.add(state.open.to.version);
    if (state.shadow !== null) needed.add(state.shadow.version);
    await this.#versions.keep(needed);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
