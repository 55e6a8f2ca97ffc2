import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { sideOfSketch } from '../detect/column-side.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { HOURS_OF_WEEK, hourOfWeek } from '../detect/seasonal-counts.ts';
import { addNumber, createColumnSketch } from '../profile/column-sketch.ts';
import type { FrozenBins } from '../profile/frozen-bins.ts';
import { createProfile, type Profile } from '../profile/profile.ts';
import type { Span } from './judge-windows.ts';
import type { Reference } from './reference.ts';
import { SeasonalBuilder } from './seasonal-builder.ts';

type History = Pick<OfflineStore, 'query' | 'relation'>;

/** Parts of the first answers, which say how much scores move by themselves. */
export const SCORE_CHUNKS = 10;

/** Scores of a reference, about: of more first answers a share is read, chosen by their ids. */
const MOST_SCORES = 200_000;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** First answers beyond the first ten windows: two of each hour of the day, then of the week. */
const LONGER = [2 * DAY_MS, 14 * DAY_MS];

/** A version's answers of which the scores are read. */
export interface Scored {
  readonly model: ModelData;
  readonly version: number;
}

/** Scores of a span, as a profile of one column, `score`, and by hour of the week. */
export interface ScoreWindow {
  readonly profile: Profile;
  readonly hours: Float64Array;
}

/**
 * The first answers that a window is compared with, of a version that answers since `since`: those of ten windows; two days, two weeks as
 * soon as they lie before the window. Null: the window is among the first ten.
 */
export function firstAnswers(since: number, windowMs: number, window: Span): Span | null {
  const shortest = SCORE_CHUNKS * windowMs;
  const lengths = [shortest, ...LONGER.filter((length) => length > shortest)];
  const length = lengths.findLast((one) => since + one <= window.from);
  return length === undefined ? null : { from: since, to: since + length };
}

/** Profiles the scores of answers in [from, to). Each id counts once, by its first answer. */
export async function scoreWindow(
  history: History,
  scored: Scored,
  span: Span,
  bins: FrozenBins | null = null,
): Promise<ScoreWindow> {
  const profile = scoreProfile(bins);
  const hours = new Float64Array(HOURS_OF_WEEK);
  await eachScore(history, scored, { ...span, share: 1 }, (score, at) => {
    addScore(profile, score);
    hours[hourOfWeek(at)] += 1;
  });
  return { profile, hours };
}

/** References by span that a process keeps: rows of first answers hardly change, and a change of their number is seen. */
export type ScoreMemory = Map<string, { readonly answers: number; readonly reference: Reference }>;

/** Scores of first answers in ten parts, over bins that are frozen from all of them, and by hour of the week. */
export async function scoreReference(
  history: History,
  scored: Scored,
  span: Span,
  memory: ScoreMemory,
): Promise<Reference> {
  const answers = await countAnswers(history, scored, span);
  const key = JSON.stringify([scored.model.name, scored.version, span.from, span.to]);
  const known = memory.get(key);
  if (known?.answers === answers) return known.reference;
  const share = Math.max(1, Math.ceil(answers / MOST_SCORES));
  const reference = await readReference(history, scored, { ...span, share });
  memory.set(key, { answers, reference });
  return reference;
}

async function readReference(
  history: History,
  scored: Scored,
  span: Span & { readonly share: number },
): Promise<Reference> {
  const all = scoreProfile(null);
  await eachScore(history, scored, span, (score) => addScore(all, score));
  const side = sideOfSketch(all.columns.get('score') ?? createColumnSketch('number'));
  const bins = referenceBins(side, kindOf(side));
  const chunks = Array.from({ length: SCORE_CHUNKS }, () => scoreProfile(bins));
  const seasonal = new SeasonalBuilder([{ name: 'score', type: 'number', bins }]);
  const lengthMs = (span.to - span.from) / SCORE_CHUNKS;
  await eachScore(history, scored, span, (score, at) => {
    const chunk = Math.min(SCORE_CHUNKS - 1, Math.floor((at - span.from) / lengthMs));
    addScore(chunks[chunk], score);
    seasonal.add(chunk, [at], [[score]], { from: 0, to: 1 });
  });
  return { createdAt: span.from, chunks, seasonal: seasonal.finish() };
}

/** An empty profile of one column, `score`. */
export function scoreProfile(bins: FrozenBins | null): Profile {
  const profile = createProfile();
  profile.columns.set('score', createColumnSketch('number', bins));
  return profile;
}

export function addScore(profile: Profile, score: number | null): void {
  profile.rows += 1;
  for (const column of profile.columns.values()) addNumber(column, score);
}

async function eachScore(
  history: History,
  { model, version }: Scored,
  { from, to, share }: Span & { readonly share: number },
  take: (score: number | null, at: number) => void,
): Promise<void> {
  const chosen = share === 1 ? '' : ` AND hash("id") % ${share} = 0`;
  const sql = `SELECT score, "at" FROM ${history.relation(predictionTable(model))}
WHERE "at" >= CAST(${from} AS BIGINT) AND "at" < CAST(${to} AS BIGINT) AND "version" = ${version} AND ${ANSWERED}${chosen}
QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1 ORDER BY "at", "id"`;
  for await (const rows of history.query(sql))
    for (const [score, at] of rows) take(score === null ? null : Number(score), Number(at));
}

async function countAnswers(history: History, { model, version }: Scored, { from, to }: Span): Promise<number> {
  const sql = `SELECT COUNT(*) FROM ${history.relation(predictionTable(model))}
WHERE "at" >= CAST(${from} AS BIGINT) AND "at" < CAST(${to} AS BIGINT) AND "version" = ${version} AND ${ANSWERED}`;
  let count = 0;
  for await (const rows of history.query(sql)) for (const [found] of rows) count += Number(found);
  return count;
}
