import { fail } from '../../base/errors/fail.ts';
import { dateOf } from '../../schema/instant.ts';
import { typeText } from '../../schema/type-text.ts';
import { checkName } from './check-name.ts';
import type { ModelData, StreamBegin, StreamInferenceData } from './declaration.ts';
import type { EventSource } from './event-source.ts';
import type { FeatureService } from './feature-service.ts';
import { freeze } from './freeze.ts';
import { reachedStreams } from './project.ts';
import { type ScoreSinkOptions, sinkSpecs } from './score-sink.ts';
import type { Fits, Tags } from './tag.ts';

export interface StreamInferenceOptions<I extends Tags, F extends Tags, From extends Tags> {
  readonly model: ModelData & { readonly service: FeatureService<I, F> };
  /** Its events are the requests: it has the columns of the request. */
  readonly from: EventSource<From> & { readonly outputs: { readonly [K in keyof I]: Fits<I[K]> } };
  /** Names the topic of the outputs. */
  readonly to: string;
  /** `engine`: an engine such as Flink reads the events, asks the model `stream_<name>` over the Open Inference Protocol, and writes the outputs. Default: `headrace`. */
  readonly scoredBy?: 'headrace' | 'engine';
  /**
   * The first event that a new stream scores: `earliest`, the oldest that the log keeps; `now`, the next to come after the stream has
   * begun; or the first that came at a UTC date or later: `2026-01-31`. A stream that has begun stays where it is. Default: `earliest`.
   * Of a stream that headrace scores.
   */
  readonly begins?: 'earliest' | 'now' | (string & {});
  /** Where the outputs are sent, by name. Of a stream that headrace scores. */
  readonly sinks?: Readonly<Record<string, ScoreSinkOptions>>;
}

/** A stream, with the tags of its source. */
export interface StreamInference<From extends Tags> extends StreamInferenceData {
  readonly from: EventSource<From>;
}

/** Declares that a model scores every event of a source. Errors: NAME_TEXT, NAME_TWICE, WINDOW_TEXT, STREAM_SPINE, STREAM_CYCLE, STREAM_BEGIN, STREAM_SINK. */
export function streamInference<I extends Tags, F extends Tags, From extends Tags>(
  name: string,
  { model, from, to, scoredBy = 'headrace', begins = 'earliest', sinks = {} }: StreamInferenceOptions<I, F, From>,
): StreamInference<From> {
  checkName('stream', name);
  checkName('topic of outputs', to);
  for (const [column, spec] of Object.entries(model.service.request)) {
    const found = Object.hasOwn(from.columns, column) ? from.columns[column] : undefined;
    const type = typeText({ ...spec, nullable: false });
    if (found === undefined || typeText({ ...found, nullable: false }) !== type)
      throw fail('STREAM_SPINE', { stream: name, source: from.name, column, type });
  }
  if (reachedStreams([model, from]).some((stream) => stream.name === name || stream.to === to))
    throw fail('STREAM_CYCLE', { stream: name });
  const sent = sinkSpecs(name, sinks);
  const [first] = Object.keys(sent);
  const begin = beginOf(name, begins, scoredBy);
  const stream = { kind: 'streamInference', name, model, from, to, scoredBy, ...begin } as const;
  if (first === undefined) return freeze(stream);
  if (scoredBy === 'engine')
    throw fail('STREAM_SINK', { stream: name, sink: first, reason: 'an engine elsewhere writes the outputs' });
  return freeze({ ...stream, sinks: sent });
}

/** Error: STREAM_BEGIN. */
function beginOf(stream: string, begins: string, scoredBy: string): { readonly begins?: StreamBegin } {
  if (begins === 'earliest') return {};
  if (scoredBy === 'engine')
    throw fail('STREAM_BEGIN', { stream, begins, reason: 'the engine elsewhere chooses where it begins' });
  if (begins === 'now') return { begins };
  const at = dateOf(begins);
  if (at === undefined) throw fail('STREAM_BEGIN', { stream, begins, reason: 'it is no UTC date' });
  return { begins: at };
}
