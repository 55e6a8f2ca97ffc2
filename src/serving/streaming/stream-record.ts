import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { LaneRecord } from '../../ports/stream-lanes.ts';
import type { ControlRecord } from './control-state.ts';
import type { Interval } from './version-map.ts';

/**
 * Records of streaming inference, as UTF-8 JSON:
 *
 * ```
 * output  = {"format":1,"offset":7,"score":0.25 / null,"error":null / "…","first":3,"model":"late","version":3,"digest":"…","plan":2,"service":"flights@1","epoch":4,"lane":"live"}
 * control = {"format":1,"kind":"plan",…}
 * state   = {"format":1,"epoch":4,"intervals":[{"from":0,"version":3,"digest":"…","plan":0,"canary":null}]}
 * ```
 * `first` is there where a record is the event of an earlier offset again. The state of a lane's partition is the version map that its last commit was made by. An output's log id is the id of the event that it scores, its event time that of the event, its ingest time the time of scoring.
 */
const STREAM_FORMAT = 1;

/** One scored record of the input. */
export interface StreamOutput {
  readonly id: string;
  /** Event time of the scored event, epoch ms. */
  readonly at: number;
  readonly scoredAt: number;
  /** Of the input, in the same partition. */
  readonly offset: number;
  /** null: the record was not scored. */
  readonly score: number | null;
  /** Why it has no score; null: it was scored. */
  readonly error: string | null;
  /** Of a record that is an event again: the offset whose output is that of the event. */
  readonly first?: number;
  readonly model: string;
  readonly version: number;
  readonly digest: string;
  /** The plan that made its interval. */
  readonly plan: number;
  /** `name@version` of the feature service. */
  readonly service: string;
  /** Of the owner that wrote it. */
  readonly epoch: number;
  /** `live`, `shadow:<version>` or `reprocess:<id>`. */
  readonly lane: string;
}

const whole = z.int().min(0);

const outputSchema = z.strictObject({
  format: z.literal(STREAM_FORMAT),
  offset: whole,
  score: z.number().nullable(),
  error: z.string().nullable(),
  first: whole.exactOptional(),
  model: z.string(),
  version: whole,
  digest: z.string(),
  plan: whole,
  service: z.string(),
  epoch: whole,
  lane: z.string(),
});

const version = z.strictObject({ version: whole, digest: z.string() });
const format = z.literal(STREAM_FORMAT);

const cutOver = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('at-offset'), offsets: z.array(whole).nullable() }),
  z.strictObject({ kind: z.literal('at-event-time'), at: z.number(), idleMs: z.number().exactOptional() }),
  z.strictObject({ kind: z.literal('cancel') }),
  z.strictObject({ kind: z.literal('immediate') }),
  z.strictObject({
    kind: z.literal('canary-keys'),
    buckets: whole,
    salt: z.string(),
    caller: z.string().nullable().exactOptional(),
  }),
]);

const controlSchema = z.discriminatedUnion('kind', [
  z.strictObject({ format, kind: z.literal('first'), version, begins: z.array(whole).exactOptional() }),
  z.strictObject({ format, kind: z.literal('claim'), partition: whole, epoch: whole, member: z.string() }),
  z.strictObject({
    format,
    kind: z.literal('plan'),
    plan: whole,
    to: version,
    cutOver,
    champion: whole.nullable(),
    replaces: whole.exactOptional(),
  }),
  z.strictObject({ format, kind: z.literal('passed'), plan: whole, partition: whole, epoch: whole, at: whole }),
  z.strictObject({ format, kind: z.literal('ack'), plan: whole, partition: whole, epoch: whole, ceiling: whole }),
  z.strictObject({ format, kind: z.literal('commit'), plan: whole, barriers: z.array(whole) }),
  z.strictObject({ format, kind: z.literal('abort'), plan: whole }),
  z.strictObject({ format, kind: z.literal('shadow'), version: version.nullable() }),
]);

const canary = version.extend({ buckets: whole, salt: z.string(), caller: z.string().nullable().exactOptional() });
const interval = version.extend({ from: whole, plan: whole, canary: canary.nullable() });
const stateSchema = z.strictObject({ format, epoch: whole, intervals: z.array(interval) });

/** The state that the owner of a partition commits with its outputs. */
export interface LaneState {
  readonly epoch: number;
  readonly intervals: readonly Interval[];
}

/** A control record, or the first one: the version that the job begins with. */
export type StoredControl = ControlRecord | FirstRecord;

export interface FirstRecord {
  readonly kind: 'first';
  readonly version: { readonly version: number; readonly digest: string };
  /** By partition, the offset that the job begins with; absent: the oldest. */
  readonly begins?: readonly number[];
}

export function encodeOutput({ id, at, scoredAt, ...rest }: StreamOutput): LogRecord {
  return { id, ts: at, ingestTs: scoredAt, payload: Buffer.from(JSON.stringify({ format: STREAM_FORMAT, ...rest })) };
}

/** An output for a lane; by its headers a reader can choose without the payload. */
export function laneRecord(output: StreamOutput): LaneRecord {
  const { model, version, digest, plan, service, scoredAt, epoch } = output;
  const headers = {
    model,
    model_version: String(version),
    artifact_digest: digest,
    plan_id: String(plan),
    feature_view_version: service,
    scored_at: String(scoredAt),
    attempt: String(epoch),
  };
  return { ...encodeOutput(output), headers };
}

export function encodeLaneState(state: LaneState): Uint8Array {
  return Buffer.from(JSON.stringify({ format: STREAM_FORMAT, ...state }));
}

/** Error: STREAM_RECORD. */
export function decodeLaneState(topic: string, bytes: Uint8Array): LaneState {
  const { format: _, ...state } = parsed(topic, stateSchema, bytes);
  return state;
}

/** Error: STREAM_RECORD. */
export function decodeOutput(topic: string, { id, ts, ingestTs, payload }: LogRecord): StreamOutput {
  const { format: _, ...rest } = parsed(topic, outputSchema, payload);
  return { id, at: ts, scoredAt: ingestTs, ...rest };
}

export function encodeControl(record: StoredControl, now: number): LogRecord {
  const payload = Buffer.from(JSON.stringify({ format: STREAM_FORMAT, ...record }));
  return { id: record.kind, ts: now, ingestTs: now, payload };
}

/** Error: STREAM_RECORD. */
export function decodeControl(topic: string, { payload }: LogRecord): StoredControl {
  const { format: _, ...record } = parsed(topic, controlSchema, payload);
  return record;
}

function parsed<T>(topic: string, schema: z.ZodType<T>, payload: Uint8Array): T {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(payload));
  } catch (error) {
    throw fail('STREAM_RECORD', { topic, reason: 'it is not JSON' }, error);
  }
  const { success, data, error } = schema.safeParse(content);
  if (success) return data;
  const [{ path, message }] = error.issues;
  throw fail('STREAM_RECORD', { topic, reason: `${path.join('.')}: ${message}` });
}
