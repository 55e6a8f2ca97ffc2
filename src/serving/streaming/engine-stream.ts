import { coalesced } from '../../base/coalesced.ts';
import { fail } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { UnrecordedVector } from '../../featurestore/online/served-vector.ts';
import type { RecordVerdict } from '../../ports/record-verdicts.ts';
import { CHAMPION } from '../../registry/champion.ts';
import type { ControlLog } from './control-log.ts';
import type { ControlState } from './control-state.ts';
import { parseEngineRequest } from './engine-request.ts';
import { HeldVersions } from './held-versions.ts';
import { LoadedVersions } from './loaded-versions.ts';
import { openControl } from './open-lanes.ts';
import { PlanRoller, type StreamPlan } from './plan-roller.ts';
import { noRecords, type RecordCounts } from './record-counts.ts';
import { rescore } from './rescore.ts';
import { scoreOutputs } from './score-outputs.ts';
import { useOf } from './score-records.ts';
import type { StreamJobOptions } from './stream-job.ts';
import type { StreamOutput } from './stream-record.ts';
import { StreamRollout } from './stream-rollout.ts';
import { type StreamStatus, statusOf } from './stream-status.ts';

export interface EngineStreamOptions extends Omit<StreamJobOptions, 'lanes' | 'appliedTo'> {
  /** Waits a moment before an answer that is held looks again. */
  readonly pause: () => Promise<void>;
}

/** An answer to one record. */
export type EngineAnswer = Pick<StreamOutput, 'score' | 'error' | 'first' | 'version' | 'digest' | 'plan'>;

/** Records that are scored again at a time. */
const BATCH = 512;

/** Looks of a held answer, each after a pause; an engine gives up later than that. */
const MOST_LOOKS = 400;

/**
 * A stream whose records an engine elsewhere reads, sends with partition and offset, and writes. The answer is a function of the control
 * log: every request reads the log to its end first. A plan is in the log before the end of the input is asked for, so a record at or
 * above a barrier finds the plan open, and is held until the plan has ended. No process owns anything, and any number may answer.
 */
export class EngineStream {
  readonly data: StreamJobOptions['data'];
  readonly #options: EngineStreamOptions;
  readonly #control: ControlLog;
  readonly #versions: LoadedVersions;
  readonly #holds: HeldVersions;
  readonly #roller: PlanRoller;
  readonly #refresh: () => Promise<void>;
  #begins: readonly number[] = [];
  #ends: readonly number[] = [];
  /** By partition, the offset after the greatest one that was answered here. */
  readonly #answered: number[];
  readonly #inTurn = turnsInOrder();
  readonly #counts = noRecords();
  #held = 0;
  #trouble: string | null = null;

  private constructor(options: EngineStreamOptions, control: ControlLog) {
    const { data, partitions } = options;
    this.data = data;
    this.#options = options;
    this.#control = control;
    this.#versions = new LoadedVersions({ ...options, stream: data.name, model: data.model });
    this.#holds = new HeldVersions({ ...options, stream: data.name, model: data.model.name });
    // An engine may ask for a record again: its answers cannot be counted once.
    const rollout = new StreamRollout({ ...options, stream: data.name, model: data.model, rollouts: null });
    this.#roller = new PlanRoller({ ...options, rollout, control, versions: this.#versions, held: this.#holds });
    this.#refresh = coalesced(() => control.refresh()).run;
    this.#answered = new Array<number>(partitions).fill(0);
  }

  /** Errors: STREAM_RECORD, those of the log. */
  static async open(options: EngineStreamOptions): Promise<EngineStream> {
    return new EngineStream(options, await openControl(options));
  }

  get counts(): RecordCounts {
    return this.#counts;
  }

  /** Answers that wait for a plan to end. */
  get held(): number {
    return this.#held;
  }

  get keepFrom(): Readonly<Record<'live' | 'shadow' | 'control', readonly number[]>> {
    return { live: [], shadow: [], control: [0] };
  }

  /** The engine reads the input by its own positions, which nobody here knows. */
  get unscoredFrom(): readonly number[] {
    return this.#answered.map(() => Number.POSITIVE_INFINITY);
  }

  get status(): StreamStatus {
    const places = this.#answered.map((next, partition) => ({ next, end: this.#ends[partition] ?? next, here: true }));
    return statusOf(this.data.model.name, this.#control.state, places);
  }

  degraded(): readonly string[] {
    const { name, model } = this.data;
    if (this.#trouble !== null) return [`stream ${name} does not roll: ${this.#trouble}`];
    return this.#control.state === null ? [`stream ${name} waits for a champion of ${model.name}`] : [];
  }

  /** Follows the champion. A failure is reported once, shown as degraded, and tried again by the next call. */
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

  /** Plans a roll and commits it: barriers are the ends of the input. Errors: STREAM_PLAN, STREAM_CUT_OVER, REGISTRY_VERSION, MODEL_NONE. */
  roll(plan: StreamPlan): Promise<void> {
    if (plan.cutOver?.kind === 'at-event-time')
      return Promise.reject(
        fail('STREAM_CUT_OVER', {
          stream: this.data.name,
          reason: 'an engine scores it, and holds back no event time',
        }),
      );
    return this.#inTurn(async () => {
      await this.#refresh();
      await this.#lookAtInput();
      await this.#roller.roll(plan, this.#ends);
      await this.#work();
    });
  }

  /** As that of a stream that is scored here; where its offsets are in the input, an engine may have reached it. */
  cancel(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#refresh();
      await this.#lookAtInput();
      await this.#roller.cancel(this.#ends);
      await this.#work();
    });
  }

  /** Errors: STREAM_UNACKED, those of a turn. */
  commit(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#work();
      const open = this.#control.state?.open ?? null;
      const { unacknowledged: partitions } = this.status;
      if (open !== null) throw fail('STREAM_UNACKED', { stream: this.data.name, version: open.to.version, partitions });
    });
  }

  abort(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#refresh();
      await this.#roller.abort();
    });
  }

  /** Error: STREAM_ENGINE. */
  shadow(): Promise<void> {
    return Promise.reject(fail('STREAM_ENGINE', { stream: this.data.name }));
  }

  /** Error: STREAM_ELSEWHERE. */
  outputs(): Promise<never> {
    return Promise.reject(fail('STREAM_ELSEWHERE', { stream: this.data.name }));
  }

  /** Error: STREAM_ELSEWHERE. */
  rejected(): Promise<never> {
    return this.outputs();
  }

  /** As that of a stream that is scored here. */
  reprocess(
    partition: number,
    { from, to, version = null }: { readonly from: number; readonly to: number; readonly version?: number | null },
  ): Promise<readonly Omit<StreamOutput, 'scoredAt'>[]> {
    return this.#inTurn(async () => {
      await this.#lookAtInput();
      await this.#refresh();
      const forced = version === null ? null : await this.#roller.versionOf(version);
      const bounds = { begin: this.#begins[partition], end: this.#ends[partition] ?? null };
      const { model, name } = this.data;
      const options = { ...this.#options, stream: name, model, versions: this.#versions, batch: BATCH };
      return rescore({ partition, from, to, forced }, bounds, this.#control.state, options);
    });
  }

  /**
   * The answer to one record, by the version that the map has for its offset. A record that cannot be scored has its error.
   * Errors: MODEL_TENSOR, MODEL_NONE, STREAM_PARTITIONS, STREAM_HELD, those of stores.
   */
  async answer(text: string): Promise<EngineAnswer> {
    const { partition, offset, at, request } = parseEngineRequest(text);
    const { clock, inputTopic } = this.#options;
    const { intervals, epochs } = await this.#stateFor(partition, offset);
    if (intervals[partition] === undefined)
      throw fail('STREAM_PARTITIONS', {
        stream: this.data.name,
        topic: inputTopic,
        found: partition + 1,
        known: epochs.length,
      });
    const verdict = await this.#verdictOn(partition, offset);
    const ts = at ?? clock();
    const record = { id: `${partition}/${offset}`, ts, ingestTs: ts, payload: NO_PAYLOAD };
    const { outputs, used, outcomes } = await scoreOutputs(
      {
        partition,
        from: offset,
        records: [record],
        verdicts: [verdict],
        intervals: intervals[partition],
        forced: null,
        epoch: 0,
        lane: 'live',
      },
      {
        ...this.#options,
        stream: this.data.name,
        requestOf: () => request,
        model: this.data.model,
        versions: this.#versions,
      },
    );
    const [output] = outputs;
    this.#recordUse(partition, offset, used[0]);
    this.#counts[outcomes[0]] += 1;
    const { score, error, first, version, digest, plan } = output;
    return { score, error, ...(first === undefined ? {} : { first }), version, digest, plan };
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#versions.close());
  }

  /** An engine that resumes asks for records again: their vectors are recorded already. */
  #recordUse(partition: number, offset: number, used: UnrecordedVector | null): void {
    const isAgain = offset < this.#answered[partition];
    this.#answered[partition] = Math.max(this.#answered[partition], offset + 1);
    if (used !== null && !isAgain) this.#options.recordUse(useOf(this.data.name, partition, offset), used);
  }

  /** The control state by which a record is answered, as of after its arrival. */
  async #stateFor(partition: number, offset: number): Promise<ControlState> {
    this.#held += 1;
    try {
      for (let look = 0; look < MOST_LOOKS; look += 1) {
        await this.#refresh();
        const { state } = this.#control;
        if (state === null) throw fail('MODEL_NONE', { model: this.data.model.name });
        if (!isHeld(state, partition, offset)) return state;
        await this.#options.pause();
      }
      throw this.#heldBack(partition, offset, 'a plan is open');
    } finally {
      this.#held -= 1;
    }
  }

  /** The verdict on a record, which the engine may have read before the judge here. */
  async #verdictOn(partition: number, offset: number): Promise<RecordVerdict> {
    this.#held += 1;
    try {
      for (let look = 0; look < MOST_LOOKS; look += 1) {
        const [verdict] = await this.#options.verdicts.of(partition, offset, 1);
        if (verdict !== undefined) return verdict;
        await this.#options.pause();
      }
      throw this.#heldBack(partition, offset, 'the event is not judged here yet');
    } finally {
      this.#held -= 1;
    }
  }

  #heldBack(partition: number, offset: number, reason: string): Error {
    return fail('STREAM_HELD', { stream: this.data.name, partition, offset, reason });
  }

  async #work(): Promise<void> {
    await this.#refresh();
    if (!(await this.#hasBegun())) return;
    await this.#roller.follow();
    const open = this.#control.state?.open ?? null;
    // After the plan is in the log: whatever is below these ends was there before it.
    await this.#lookAtInput();
    const { state } = this.#control;
    if (state !== null) await this.#holds.follow(state, this.#begins);
    if (open === null || this.#control.state?.open?.plan !== open.plan) return;
    await this.#roller.advance(
      this.#ends.map((end, partition) => ({ partition, epoch: NOBODY, next: end, hold: null, end })),
    );
  }

  async #lookAtInput(): Promise<void> {
    const ends = await this.#options.log.ends(this.#options.inputTopic);
    this.#begins = ends.map(({ begin }) => begin);
    this.#ends = ends.map(({ end }) => end);
  }

  /** Begins a job whose model has a champion. */
  async #hasBegun(): Promise<boolean> {
    const { registry, clock, data } = this.#options;
    if (this.#control.state !== null) return true;
    const champion = await registry.alias(data.model.name, CHAMPION);
    if (champion === null) return false;
    const version = await this.#roller.versionOf(champion);
    await this.#versions.load(version);
    await this.#control.begin(version, clock());
    return true;
  }
}

const NO_PAYLOAD = new Uint8Array();

/** The epoch of partitions that nobody claims. */
const NOBODY = 0;

/** Whether the open plan may begin at or below an offset: all of a partition without an ack, and what is not below its ceiling. */
function isHeld({ open }: ControlState, partition: number, offset: number): boolean {
  if (open === null) return false;
  const ack = open.acks[partition] ?? null;
  return ack === null || offset >= ack.ceiling;
}
