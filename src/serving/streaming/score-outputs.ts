import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { UnrecordedVector } from '../../featurestore/online/served-vector.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import { callerOf } from './caller-of.ts';
import type { LoadedVersions } from './loaded-versions.ts';
import {
  keyOfRequest,
  type RecordOutcome,
  type RecordRange,
  type ScoreRecordsOptions,
  scoreRecords,
} from './score-records.ts';
import type { StreamOutput } from './stream-record.ts';
import { type Canary, type Interval, intervalAt, type StreamVersion, versionAt } from './version-map.ts';

/** Records of one partition, and what their outputs say. */
export interface RecordsToScore extends RecordRange {
  readonly intervals: readonly Interval[];
  /** The one version for all; null: by the map. */
  readonly forced: StreamVersion | null;
  readonly epoch: number;
  readonly lane: string;
}

export interface ScoreOutputsOptions extends ScoreRecordsOptions {
  readonly model: ModelData;
  readonly versions: LoadedVersions;
}

/** Outputs that nobody has stored yet, each with the vector that was scored: a stored output's is recorded, and no other. */
export interface ScoredOutputs {
  readonly outputs: readonly Omit<StreamOutput, 'scoredAt'>[];
  /** By output; null: nothing was scored. */
  readonly used: readonly (UnrecordedVector | null)[];
  readonly outcomes: readonly RecordOutcome[];
}

/** Scores records, each by its version, which is loaded where it is not yet. Errors: MODEL_*, ARTIFACT_*, STREAM_DIGEST, those of stores. */
export async function scoreOutputs(
  { partition, from, records, verdicts, intervals, forced, epoch, lane }: RecordsToScore,
  options: ScoreOutputsOptions,
): Promise<ScoredOutputs> {
  const { model, versions } = options;
  const chosen = records.map(
    (record, i) => forced ?? versionAt(intervals, from + i, (canary) => keyOf(record, canary, options)),
  );
  for (const one of new Map(chosen.map((each) => [each.version, each])).values()) await versions.load(one);
  const scores = await scoreRecords(
    { partition, from, records, verdicts },
    (place) => {
      const { version } = chosen[place];
      const loaded = versions.get(version);
      if (loaded === undefined) throw fail('REGISTRY_VERSION', { model: model.name, version });
      return loaded;
    },
    options,
  );
  const service = `${model.service.name}@${model.service.version}`;
  const outputs = records.map(({ id, ts }, i) => ({
    id,
    at: ts,
    offset: from + i,
    score: scores[i].score,
    error: scores[i].error,
    ...(scores[i].first === null ? {} : { first: scores[i].first }),
    model: model.name,
    ...chosen[i],
    plan: intervalAt(intervals, from + i).plan,
    service,
    epoch,
    lane,
  }));
  return { outputs, used: scores.map(({ used }) => used), outcomes: scores.map(({ outcome }) => outcome) };
}

/** A record that cannot be read has the key of none; for a rollout it has no caller. */
function keyOf(record: LogRecord, { caller }: Canary, options: ScoreOutputsOptions): string | null {
  if (caller !== undefined) return callerOf(record, caller, options);
  const { id, payload, foreign } = record;
  const { model, requestOf } = options;
  if (id === '' || foreign !== undefined) return '';
  try {
    return keyOfRequest(model, requestOf(payload));
  } catch {
    return '';
  }
}
