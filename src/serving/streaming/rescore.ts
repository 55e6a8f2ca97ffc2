import { fail } from '../../base/errors/fail.ts';
import type { ControlState } from './control-state.ts';
import { type JudgedInput, readJudged } from './read-judged.ts';
import { type ScoreOutputsOptions, scoreOutputs } from './score-outputs.ts';
import type { StreamOutput } from './stream-record.ts';
import type { StreamVersion } from './version-map.ts';

/** Offsets [from, to) of a partition, to be scored again. */
export interface RangeToScore {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** The one version for all; null: by the map. */
  readonly forced: StreamVersion | null;
}

export interface RescoreOptions extends ScoreOutputsOptions, JudgedInput {
  /** Records that are scored at a time. */
  readonly batch: number;
}

/** Scores a range again, and writes nothing. Errors: STREAM_RANGE, LOG_TRIMMED, MODEL_*, those of stores. */
export async function rescore(
  { partition, from, to, forced }: RangeToScore,
  { begin, end }: { readonly begin: number | undefined; readonly end: number | null },
  state: ControlState | null,
  options: RescoreOptions,
): Promise<readonly Omit<StreamOutput, 'scoredAt'>[]> {
  if (state === null || begin === undefined || end === null || from < begin || to > end || !(from < to))
    throw fail('STREAM_RANGE', { stream: options.stream, partition, from, to });
  const epoch = state.epochs[partition];
  const asked = { intervals: state.intervals[partition], forced, epoch, lane: `reprocess:${from}-${to}` };
  const outputs: Omit<StreamOutput, 'scoredAt'>[] = [];
  for (let at = from; at < to; ) {
    const range = await readJudged(options, partition, at, Math.min(options.batch, to - at));
    if (range.records.length === 0) throw fail('STREAM_RANGE', { stream: options.stream, partition, from: at, to });
    outputs.push(...(await scoreOutputs({ ...asked, ...range }, options)).outputs);
    at += range.records.length;
  }
  return outputs;
}
