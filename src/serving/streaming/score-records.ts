import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import { compareText } from '../../base/text-order.ts';
import type { FeatureServiceData, ModelData } from '../../features/define/declaration.ts';
import type { UnrecordedVector } from '../../featurestore/online/served-vector.ts';
import type { PastVector } from '../../featurestore/training-set/past-vectors.ts';
import { newRows } from '../../model/model-rows.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { RecordVerdict } from '../../ports/record-verdicts.ts';
import type { Value } from '../../schema/column.ts';
import { type Rejection, scoreRange } from '../batch/score-range.ts';
import type { LoadedVersion } from './loaded-versions.ts';

/** Reads a vector of a service as of an instant, and records nothing of it. `id`: of its use. */
export type LookUp = (
  service: FeatureServiceData,
  request: unknown,
  at: number,
  id: string,
) => MaybePromise<UnrecordedVector>;

/** Records a vector that was used, under the id of its use. */
export type RecordUse = (id: string, used: UnrecordedVector) => void;

/** By offset, the vectors of records of one partition as of their event times, from the history; those that it lacks are left out. */
export type ReadPast = (partition: number, offsets: readonly number[]) => Promise<ReadonlyMap<number, PastVector>>;

export interface ScoreRecordsOptions {
  /** Name of the stream. */
  readonly stream: string;
  readonly model: ModelData;
  /** A request from a record's payload. Throws if the payload is not one. */
  readonly requestOf: (payload: Uint8Array) => Readonly<Record<string, Value>>;
  readonly look: LookUp;
  /** Where the online store knows later events only. */
  readonly readPast: ReadPast;
}

/** Records of a partition, from an offset on. */
export interface RecordRange {
  readonly partition: number;
  readonly from: number;
  readonly records: readonly LogRecord[];
  /** By record, as features and history have them. */
  readonly verdicts: readonly RecordVerdict[];
}

/** A record's score, or why it has none. */
type Score = { readonly score: number; readonly error: null } | { readonly score: null; readonly error: string };

/** How the processing of a record ended. */
export type RecordOutcome = 'scored' | 'rejected' | 'duplicate' | 'late' | 'future';

/** A record's score, the vector that the version scored (null: none was), and of a repeat the offset of the first (else null). */
export type RecordScore = Score & {
  readonly used: UnrecordedVector | null;
  readonly outcome: RecordOutcome;
  readonly first: number | null;
};

/** A record that is not scored. */
interface Unscored {
  readonly error: string;
  readonly outcome: Exclude<RecordOutcome, 'scored'>;
  readonly first: number | null;
}

/** The id of the use of a vector: the place of the record that a stream scores. */
export function useOf(stream: string, partition: number, offset: number): string {
  return `${stream}/${partition}/${offset}`;
}

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
  const byVersion = new Map<LoadedVersion, { readonly places: number[]; readonly vectors: UnrecordedVector[] }>();
  for (const [place, vector] of (await vectorsOf(range, options)).entries()) {
    if ('error' in vector) {
      found[place] = { ...vector, score: null, used: null };
      continue;
    }
    const version = versionOf(place);
    const group = byVersion.get(version) ?? { places: [], vectors: [] };
    byVersion.set(version, group);
    group.places.push(place);
    group.vectors.push(vector);
  }
  for (const [version, { places, vectors }] of byVersion) {
    const scored = await scoreVectors(
      version,
      vectors.map(({ vector: { values } }) => values),
    );
    for (const [i, place] of places.entries()) {
      const outcome = scored[i].error === null ? 'scored' : 'rejected';
      found[place] = { ...scored[i], used: vectors[i], outcome, first: null };
    }
  }
  return found.map((one) => one ?? { ...rejected('MODEL_RUN: it was not scored'), score: null, used: null });
}

function rejected(error: string): Unscored {
  return { error, outcome: 'rejected', first: null };
}

/** A vector that was looked up, and whether the history has to answer instead: the online store has later data. */
interface LookedUp extends UnrecordedVector {
  readonly isPast: boolean;
}

/**
 * The vector of each record that the source's rule accepts, or why it has none. The online store answers as of the instant, unless it has
 * later events of the same moment or a later generation of a batch view, as when the stream lags. The history answers then.
 */
async function vectorsOf(
  { partition, from, records, verdicts }: RecordRange,
  options: ScoreRecordsOptions,
): Promise<readonly (UnrecordedVector | Unscored)[]> {
  const looked: (LookedUp | Unscored)[] = [];
  for (const [i, record] of records.entries())
    looked.push(
      unscored(record, verdicts[i], { partition, offset: from + i }) ??
        (await lookUp(record, useOf(options.stream, partition, from + i), options)),
    );
  const offsets = looked.flatMap((one, i) => ('isPast' in one && one.isPast ? [from + i] : []));
  const past = offsets.length === 0 ? null : await options.readPast(partition, offsets);
  return looked.map((one, i) => {
    if ('error' in one || !one.isPast) return one;
    const found = past?.get(from + i);
    return found === undefined
      ? rejected(textOf(fail('STREAM_PAST', { partition, offset: from + i })))
      : asOfThen(one, records[i].ts, found);
  });
}

/** Why a record is not scored, whatever its features; null: it is the event that counts. */
function unscored(
  { id, foreign }: LogRecord,
  judged: RecordVerdict,
  place: { readonly partition: number; readonly offset: number },
): Unscored | null {
  if (foreign !== undefined) return rejected(`LOG_FOREIGN: ${foreign}`);
  if (id === '') return rejected('BLANK: the event was forgotten');
  const { verdict } = judged;
  // The decoder says why it cannot be read.
  if (verdict === 'accepted' || verdict === 'blank') return null;
  if (verdict !== 'duplicate')
    return { error: textOf(fail('STREAM_DROPPED', { ...place, verdict })), outcome: verdict, first: null };
  const { first } = judged;
  return { error: textOf(fail('STREAM_REPEAT', { ...place, first })), outcome: verdict, first };
}

/** The vector that the history has: nothing is missing from it, and no read of the online store gave it. */
function asOfThen({ request, vector }: LookedUp, at: number, past: PastVector): UnrecordedVector {
  const ages = { streaming: null, batch: null };
  return { request, vector: { ...vector, at, ...past, missing: [], stale: [], ages, texts: [] }, tookMs: null };
}

function textOf({ code, message }: HeadraceError): string {
  return `${code}: ${message}`;
}

/** Looks up a record's vector, or says why it has none. */
async function lookUp(
  { ts, payload }: LogRecord,
  use: string,
  { model, requestOf, look }: ScoreRecordsOptions,
): Promise<LookedUp | Unscored> {
  try {
    const looked = await look(model.service, requestOf(payload), ts, use);
    const { isAhead, missing } = looked.vector;
    return { ...looked, isPast: isAhead === true || missing.some(({ reason }) => reason === 'past') };
  } catch (error) {
    if (isHeadraceError(error) && error.retry === 'never') return rejected(textOf(error));
    throw error;
  }
}

async function scoreVectors(
  { scorer, toRow }: LoadedVersion,
  vectors: readonly (readonly Value[])[],
): Promise<readonly Score[]> {
  const rows = newRows(scorer.inputs, vectors.length);
  const unfit = new Map<number, Rejection>();
  for (const [i, vector] of vectors.entries()) {
    try {
      toRow(vector, rows, i);
    } catch (error) {
      if (!isHeadraceError(error, 'MODEL_CELL')) throw error;
      unfit.set(i, { code: 'MODEL_CELL', reason: error.message });
    }
  }
  const { scores, rejected } = await scoreRange({
    rows,
    model: scorer,
    batchRows: vectors.length,
    suspect: null,
    rejected: unfit,
    onRun: () => undefined,
    onReject: () => undefined,
  });
  return vectors.map((_, i): Score => {
    const rejection = rejected.get(i);
    return rejection === undefined
      ? { score: scores[i], error: null }
      : { score: null, error: `${rejection.code}: ${rejection.reason}` };
  });
}
