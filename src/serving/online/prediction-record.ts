import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { LoggedPrediction, RolloutLane } from './prediction.ts';

/**
 * A prediction as a record of the log: the record's id is the prediction's, its event time `at`, its ingest time
 * `servedAt`; the payload is UTF-8 JSON, which engines that read a shared log understand.
 *
 * ```
 * payload = {"format":1,"version":3,"score":0.25,"streamingAgeMs":12,"batchAgeMs":null,"missing":0}
 *         | {"format":2,"rollout":"r-5f1c","lane":"canary","version":3, … as above}
 *         | {"format":3,"rollout":"r-5f1c","lane":"canary","group":17,"version":3, … as above}
 * ```
 * The second and third are those of a lane of a rollout: canary, baseline or shadow, and the caller's group. They are other formats, since a reader that passes
 * over the lane would take the score of a shadow for the champion's. So a reader refuses every format that it does not know.
 */
const CHAMPION_FORMAT = 1;
const LANE_FORMAT = 2;
const GROUP_FORMAT = 3;

const LANES: readonly string[] = ['canary', 'baseline', 'shadow'];

/** The topic of a model's predictions. No event source has a hyphen in its name, so none has this topic. */
export function predictionTopic({ name }: Pick<ModelData, 'name'>): string {
  return `predictions-${name}@1`;
}

const decoder = new TextDecoder();

const CHAMPION_HEAD = `"format":${CHAMPION_FORMAT}`;

/** A rollout's id is of letters, digits and hyphens. */
function laneHead({ id, lane, group }: RolloutLane): string {
  const of = `"rollout":${JSON.stringify(id)},"lane":"${lane}"`;
  return group === undefined ? `"format":${LANE_FORMAT},${of}` : `"format":${GROUP_FORMAT},${of},"group":${group}`;
}

/** Hot path: finite numbers and null read the same in a template as in JSON, and take half the time. */
export function encodePrediction(prediction: LoggedPrediction): LogRecord {
  const { id, at, servedAt, version, score, streamingAgeMs, batchAgeMs, missing, rollout } = prediction;
  const ages = `"streamingAgeMs":${streamingAgeMs},"batchAgeMs":${batchAgeMs}`;
  const head = rollout === undefined ? CHAMPION_HEAD : laneHead(rollout);
  const body = `{${head},"version":${version},"score":${score},${ages},"missing":${missing}}`;
  return { id, ts: at, ingestTs: servedAt, payload: Buffer.from(body, 'latin1') };
}

/** Null: the record was blanked. Error: PREDICTION_RECORD. */
export function decodePrediction({ id, ts, ingestTs, payload, foreign }: LogRecord): LoggedPrediction | null {
  if (foreign !== undefined) throw fail('PREDICTION_RECORD', { reason: foreign });
  if (id === '') return null;
  const body = parse(payload);
  const { format } = body;
  if (format !== CHAMPION_FORMAT && format !== LANE_FORMAT && format !== GROUP_FORMAT)
    throw fail('PREDICTION_RECORD', { reason: `its format is ${String(format)}` });
  return {
    id,
    at: ts,
    servedAt: ingestTs,
    version: numberOf(body, 'version'),
    score: numberOf(body, 'score'),
    streamingAgeMs: ageOf(body, 'streamingAgeMs'),
    batchAgeMs: ageOf(body, 'batchAgeMs'),
    missing: numberOf(body, 'missing'),
    ...(format === LANE_FORMAT ? { rollout: laneOf(body) } : {}),
    ...(format === GROUP_FORMAT ? { rollout: { ...laneOf(body), group: numberOf(body, 'group') } } : {}),
  };
}

function parse(payload: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(decoder.decode(payload));
    if (typeof body === 'object' && body !== null) return body as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw fail('PREDICTION_RECORD', { reason: 'it is not JSON' }, error);
  }
  throw fail('PREDICTION_RECORD', { reason: 'it is not a JSON object' });
}

function laneOf({ rollout, lane }: Readonly<Record<string, unknown>>): RolloutLane {
  if (typeof rollout !== 'string' || rollout === '' || !isLane(lane))
    throw fail('PREDICTION_RECORD', { reason: 'its rollout or lane cannot be read' });
  return { id: rollout, lane };
}

function isLane(value: unknown): value is RolloutLane['lane'] {
  return typeof value === 'string' && LANES.includes(value);
}

function numberOf(body: Readonly<Record<string, unknown>>, member: string): number {
  const value = body[member];
  if (typeof value === 'number') return value;
  throw fail('PREDICTION_RECORD', { reason: `its ${member} is not a number` });
}

function ageOf(body: Readonly<Record<string, unknown>>, member: string): number | null {
  return body[member] === null ? null : numberOf(body, member);
}
