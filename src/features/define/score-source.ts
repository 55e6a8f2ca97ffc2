import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import { checkName, checkVersion } from './check-name.ts';
import { decimal } from './column-factories.ts';
import type { EventSourceData, StreamInferenceData } from './declaration.ts';
import type { EventSource } from './event-source.ts';
import { freeze } from './freeze.ts';
import type { StreamInference } from './stream-inference.ts';
import type { Tags } from './tag.ts';

export interface ScoreSourceOptions<From extends Tags, S extends string, V extends string> {
  readonly of: StreamInference<From>;
  /** Of the source: that of the stream's source without it. */
  readonly version?: number;
  /** Names of the columns of the score (score) and of the model's version (model_version). */
  readonly columns?: { readonly score?: S; readonly version?: V };
  /** Digits of the score after the point, 0 to 15 (6): it is a decimal, so that sums and means of scores are exact. */
  readonly scale?: number;
  /** How late after its event a score may come and still count: not less than that of the events (theirs and 1h). */
  readonly lateness?: DurationText;
}

/** An event source of scores: the columns of the stream's source, the score, and the version that made it. */
export type ScoreSource<From extends Tags, S extends string, V extends string, N extends string> = EventSource<
  From & { readonly [K in S]: 'decimal' } & { readonly [K in V]: 'int' },
  N
>;

/** How much later than its event a score may come without a declaration, ms. */
const SCORING_MS = 3_600_000;

/** The streams of sources: a source itself is data, and names its stream. */
const streams = new WeakMap<EventSourceData, StreamInferenceData>();

/** The stream whose scores a source has; null: nothing declared it so. */
export function scoredStreamOf(source: EventSourceData): StreamInferenceData | null {
  return streams.get(source) ?? null;
}

/**
 * The scores of a stream as events: each has the id, the time and the columns of the event that was scored. A record without a score is no
 * event. Errors: NAME_TEXT, WINDOW_TEXT, COLUMN_SCALE, STREAM_SCORES.
 */
export function scoreSource<
  From extends Tags,
  const N extends string = string,
  const S extends string = 'score',
  const V extends string = 'model_version',
>(name: N, options: ScoreSourceOptions<From, S, V>): ScoreSource<From, S, V, N> {
  const { of, columns = {} } = options;
  const { score = 'score', version = 'model_version' } = columns;
  const { from } = of;
  checkName('event source', name);
  if (of.scoredBy === 'engine') throw refused(name, `an engine elsewhere scores stream ${of.name}`);
  const taken = [score, version].find((column) => Object.hasOwn(from.columns, checkName('column', column)));
  if (taken !== undefined) throw refused(name, `source ${from.name} has a column ${taken} already`);
  if (score === version) throw refused(name, `score and version are both in the column ${score}`);
  const { of: _, ...spec } = decimal(options.scale ?? 6);
  const source: EventSourceData & { readonly outputs: Tags } = freeze({
    kind: 'eventSource',
    name,
    version: checkVersion(name, options.version ?? from.version),
    id: from.id,
    time: from.time,
    columns: {
      ...from.columns,
      [score]: spec,
      [version]: { type: 'int', nullable: false },
    },
    latenessMs: latenessOf(name, from, options.lateness),
    futureSkewMs: from.futureSkewMs,
    scores: { stream: of.name, score, version },
    outputs: { ...from.outputs, [score]: 'decimal', [version]: 'int' },
  });
  streams.set(source, of);
  return source as ScoreSource<From, S, V, N>;
}

/** An event that was accepted late has a score later still. */
function latenessOf(name: string, from: EventSourceData, written: DurationText | undefined): number {
  if (written === undefined) return from.latenessMs + SCORING_MS;
  const latenessMs = parseDuration(written, `the lateness of source ${name}`);
  if (latenessMs >= from.latenessMs) return latenessMs;
  throw refused(name, `its lateness is less than that of source ${from.name}`);
}

function refused(source: string, reason: string): Error {
  return fail('STREAM_SCORES', { source, reason });
}
