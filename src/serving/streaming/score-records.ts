import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import { compareText } from '../../base/text-order.ts';
import type { FeatureServiceData, ModelData } from '../../features/define/declaration.ts';
import type { ServedVector } from '../../featurestore/online/served-vector.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { Value } from '../../schema/column.ts';
import { scoreRange } from '../batch/score-range.ts';
import type { LoadedVersion } from './loaded-versions.ts';

/** Reads a vector of a service as of an instant. */
export type ReadVector = (service: FeatureServiceData, request: unknown, at: number) => MaybePromise<ServedVector>;

/** By offset, the values of records of one partition as of their event times, from the history; those that it lacks are left out. */
export type ReadPast = (
  partition: number,
  offsets: readonly number[],
) => Promise<ReadonlyMap<number, readonly Value[]>>;

export interface ScoreRecordsOptions {
  readonly model: ModelData;
  /** A request from a record's payload. Throws if the payload is not one. */
  readonly requestOf: (payload: Uint8Array) => Readonly<Record<string, Value>>;
  readonly read: ReadVector;
  /** Where the online store knows later events only. */
  readonly readPast: ReadPast;
}

/** Records of a partition, from an offset on. */
export interface RecordRange {
  readonly partition: number;
  readonly from: number;
  readonly records: readonly LogRecord[];
}

/** A record's score, or why it has none. */
export type RecordScore =
  | { readonly score: number; readonly error: null }
  | { readonly score: null; readonly error: string };

/** The key of a record, by which it belongs to a canary: its request's keys of lookups; null: it cannot be read. */
export function keyOfRequest({ service }: ModelData, request: Readonly<Record<string, Value>>): string {
  const names = new Set(service.lookups.flatMap(({ key }) => Object.values(key)));
  return JSON.stringify([...names].sort(compareText).map((name) => String(request[name])));
}

/**
 * Scores records, each with the features of its event time and by its own version. A record that cannot be scored has its error
 * instead; all others have the scores that they have without it. Errors: those of stores, which may be tried again.
 */
export async function scoreRecords(
  range: RecordRange,
  versionOf: (place: number) => LoadedVersion,
  options: ScoreRecordsOptions,
): Promise<readonly RecordScore[]> {
  const found = new Array<RecordScore | undefined>(range.records.length);
  const byVersion = new Map<LoadedVersion, { readonly places: number[]; readonly vectors: (readonly Value[])[] }>();
  for (const [place, vector] of (await vectorsOf(range, options)).entries()) {
    if (typeof vector === 'string') {
      found[place] = { score: null, error: vector };
      continue;
    }
    const version = versionOf(place);
    const group = byVersion.get(version) ?? { places: [], vectors: [] };
    byVersion.set(version, group);
    group.places.push(place);
    group.vectors.push(vector);
  }
  for (const [version, { places, vectors }] of byVersion) {
    const scored = await scoreVectors(version, vectors);
    for (const [i, place] of places.entries()) found[place] = scored[i];
  }
  return found.map((one) => one ?? { score: null, error: 'MODEL_RUN: it was not scored' });
}

/**
 * The values of each record's vector; a text: why it has none. The online store answers as of the instant, unless it has later events of
 * the same moment or a later generation of a batch view, as when the stream lags. The history answers then.
 */
async function vectorsOf(
  { partition, from, records }: RecordRange,
  options: ScoreRecordsOptions,
): Promise<readonly (readonly Value[] | string)[]> {
  const vectors: (readonly Value[] | string | null)[] = [];
  for (const record of records) vectors.push(await vectorOf(record, options));
  const offsets = vectors.flatMap((vector, i) => (vector === null ? [from + i] : []));
  const past = offsets.length === 0 ? null : await options.readPast(partition, offsets);
  return vectors.map((vector, i) => vector ?? past?.get(from + i) ?? pastText(partition, from + i));
}

function pastText(partition: number, offset: number): string {
  const { code, message } = fail('STREAM_PAST', { partition, offset });
  return `${code}: ${message}`;
}

/** The values of a record's vector; a text: why it has none; null: the online store has later data. */
async function vectorOf(
  { id, ts, payload, foreign }: LogRecord,
  { model, requestOf, read }: ScoreRecordsOptions,
): Promise<readonly Value[] | string | null> {
  if (foreign !== undefined) return `LOG_FOREIGN: ${foreign}`;
  if (id === '') return 'BLANK: the event was forgotten';
  try {
    const { values, missing, isAhead } = await read(model.service, requestOf(payload), ts);
    return isAhead === true || missing.some(({ reason }) => reason === 'past') ? null : values;
  } catch (error) {
    if (isHeadraceError(error) && error.retry === 'never') return `${error.code}: ${error.message}`;
    throw error;
  }
}

async function scoreVectors(
  { version, scorer, toRow }: LoadedVersion,
  vectors: readonly (readonly Value[])[],
): Promise<readonly RecordScore[]> {
  const width = version.signature.features.length;
  const features = new Float32Array(vectors.length * width);
  for (const [i, vector] of vectors.entries()) toRow(vector, features, i * width);
  const { scores, rejected } = await scoreRange({
    features,
    width,
    rows: vectors.length,
    batchRows: vectors.length,
    run: (rows, count) => scorer.run(rows, count),
    suspect: null,
    rejected: new Map(),
    onRun: () => undefined,
    onReject: () => undefined,
  });
  return vectors.map((_, i): RecordScore => {
    const rejection = rejected.get(i);
    return rejection === undefined
      ? { score: scores[i], error: null }
      : { score: null, error: `${rejection.code}: ${rejection.reason}` };
  });
}
