import { medianOf } from '../../base/median.ts';
import { INGEST_TS } from '../../features/plan/raw-table.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { readRows } from './profile-sql.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const WEEKS = 4;
/** A whole hour with less than half, or more than twice, of the usual volume is reported. */
const LITTLE = 0.5;
const MUCH = 2;
/** Of fewer, that is nothing but chance. */
const LEAST_DELIVERIES = 10;

/** Deliveries of an hour of arrival. */
export interface HourVolume {
  /** Its beginning, epoch ms. */
  readonly hour: number;
  readonly deliveries: number;
  /** Median of the same hour of the past four weeks; null where the source is younger than a week. */
  readonly usual: number | null;
  /** Whether the hour lies wholly in the span. */
  readonly whole: boolean;
  readonly verdict: 'little' | 'much' | null;
}

export interface Volume {
  readonly deliveries: number;
  readonly hours: readonly HourVolume[];
}

/** Deliveries by hour of [from, to), each against the same hour of the past four weeks. */
export async function readVolume(
  history: Pick<OfflineStore, 'query'>,
  relation: string,
  from: number,
  to: number,
): Promise<Volume> {
  const since = from - WEEKS * WEEK_MS;
  const rows = await readRows(
    history,
    `SELECT ${INGEST_TS} // ${HOUR_MS} AS hour, COUNT(*), COUNT(*) FILTER (WHERE ${INGEST_TS} >= ${from})
FROM ${relation} AS t WHERE ${INGEST_TS} >= ${since - HOUR_MS} AND ${INGEST_TS} < ${to} GROUP BY 1 ORDER BY 1`,
  );
  const counted = new Map(rows.map(([hour, all, within]) => [Number(hour) * HOUR_MS, [Number(all), Number(within)]]));
  const first = Math.min(...counted.keys());
  const hours: HourVolume[] = [];
  for (let hour = Math.floor(from / HOUR_MS) * HOUR_MS; hour < to; hour += HOUR_MS) {
    const deliveries = counted.get(hour)?.[1] ?? 0;
    const before = Array.from({ length: WEEKS }, (_, i) => hour - (i + 1) * WEEK_MS).filter((past) => past >= first);
    const counts = before.map((past) => counted.get(past)?.[0] ?? 0);
    const usual = counts.length === 0 ? null : medianOf(counts);
    const whole = hour >= from && hour + HOUR_MS <= to;
    hours.push({ hour, deliveries, usual, whole, verdict: whole ? verdictOf(deliveries, usual) : null });
  }
  return { deliveries: hours.reduce((sum, { deliveries }) => sum + deliveries, 0), hours };
}

function verdictOf(deliveries: number, usual: number | null): HourVolume['verdict'] {
  if (usual === null || usual === 0 || Math.max(deliveries, usual) < LEAST_DELIVERIES) return null;
  if (deliveries < LITTLE * usual) return 'little';
  return deliveries > MUCH * usual ? 'much' : null;
}
