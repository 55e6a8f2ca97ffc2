import type { BatchViewData, EventSourceData, ModelData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { INGEST_TS, rawTable } from '../../features/plan/raw-table.ts';
import { durationText } from '../../observe/duration-text.ts';
import type { AliasMove } from '../../ports/model-registry.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import type { RolloutEvent } from '../../ports/rollout-store.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { quoted, readRows } from '../features/profile-sql.ts';
import { readQuarantine } from '../features/quarantine.ts';
import { readVolume } from '../features/volume.ts';
import { actionText } from './decision-text.ts';
import { sourcesOf } from './feature-origins.ts';

/** Actions of a playbook that change nothing that is served or trained. */
const NO_CHANGE: readonly string[] = ['openIncident', 'resolveIncident', 'wait'];

/** Steps of rollouts: start, canary, raises, holds, promotion, roll back. */
function rolloutChanges(events: readonly RolloutEvent[]): TimeLineEntry[] {
  return events.map(({ at, kind, rollout, percent, by, reason }) => {
    const share = kind === 'canaried' || kind === 'raised' ? ` to ${percent} %` : '';
    return { at, kind: 'rollout', of: rollout, text: `${kind}${share} by ${by}${reason === '' ? '' : `: ${reason}`}` };
  });
}

/** Decisions of a playbook that act, and those of people about it. */
function playbookChanges(model: string, entries: readonly PlaybookEntry[]): TimeLineEntry[] {
  return entries.flatMap((entry): TimeLineEntry[] => {
    const text = playbookText(entry);
    return text === null ? [] : [{ at: entry.at, kind: 'playbook', of: model, text }];
  });
}

function playbookText(entry: PlaybookEntry): string | null {
  switch (entry.kind) {
    case 'decided':
      return NO_CHANGE.includes(entry.action.do) ? null : `${actionText(entry)}: ${entry.reason}`;
    case 'finished':
      return entry.isDone ? null : `${entry.decision} failed: ${String(entry.result['message'])}`;
    case 'answered':
      return `${entry.by} ${entry.approve ? 'approved' : 'denied'} ${entry.decision}: ${entry.reason}`;
    case 'accepted':
      return `${entry.by} accepted ${entry.features.join(', ')}: ${entry.reason}`;
    case 'frozen':
    case 'thawed':
      return `${entry.by} ${entry.kind === 'frozen' ? 'froze' : 'thawed'} the playbook: ${entry.reason}`;
    default:
      return null;
  }
}

const HOUR_MS = 3_600_000;

/** An hour is late where its 99th percentile is this many times the median hour's, and at least `LEAST_LATE_MS`. */
const LATE_TIMES = 10;
const LEAST_LATE_MS = 1000;

/** Entries that a time line has; the newest stay. */
const MOST = 500;

/** A change before or in a span that may be the cause. Instants are epoch ms. */
export interface TimeLineEntry {
  readonly at: number;
  readonly kind: 'deploy' | 'alias' | 'rollout' | 'playbook' | 'generation' | 'lateness' | 'volume' | 'quarantine';
  /** Alias, rollout, model, view or source. */
  readonly of: string;
  readonly text: string;
}

type History = Pick<OfflineStore, 'query' | 'relation'>;

export interface TimeLineOptions {
  readonly model: ModelData;
  readonly history: History;
  readonly moves: readonly AliasMove[];
  /** Events of the rollouts of the model, and the journal of its playbook. */
  readonly rollouts: readonly RolloutEvent[];
  readonly journal: readonly PlaybookEntry[];
  readonly span: { readonly from: number; readonly to: number };
}

/**
 * Changes of a model and upstream of it in [from, to): moves of its aliases, steps of rollouts, acts of its playbook; generations of batch
 * views, late and odd hours of sources, rejected events.
 */
export async function timeLine({
  model,
  history,
  moves,
  rollouts,
  journal,
  span,
}: TimeLineOptions): Promise<readonly TimeLineEntry[]> {
  const { from, to } = span;
  const { lookups } = model.service;
  const sources = [...new Map(lookups.flatMap(sourcesOf).map((one) => [one.name, one])).values()];
  const views = [...new Set(lookups.flatMap(({ view }) => (view.kind === 'batchView' ? [view] : [])))];
  const decided = [...movesOf(moves), ...rolloutChanges(rollouts), ...playbookChanges(model.name, journal)];
  const entries: TimeLineEntry[] = decided.filter(({ at }) => at >= from && at < to);
  for (const view of views) entries.push(...(await generationsOf(view, history, from, to)));
  for (const source of sources) {
    entries.push(...(await latenessOf(source, history, from, to)));
    entries.push(...(await volumeOf(source, history, from, to)));
    entries.push(...(await quarantineOf(source, history, from, to)));
  }
  return entries.sort((a, b) => a.at - b.at || (a.of < b.of ? -1 : 1)).slice(-MOST);
}

function movesOf(moves: readonly AliasMove[]): TimeLineEntry[] {
  return moves.map(({ alias, at, from, to, who, why }) => {
    const by = [who, why].filter((text) => text !== '').join(': ');
    const moved = `version ${to ?? 'none'} after ${from ?? 'none'}`;
    const kind = alias === CHAMPION ? 'deploy' : 'alias';
    return { at, kind, of: alias, text: by === '' ? moved : `${moved} (${by})` };
  });
}

async function generationsOf(
  view: BatchViewData,
  history: History,
  from: number,
  to: number,
): Promise<readonly TimeLineEntry[]> {
  const [key] = Object.keys(view.entity.key);
  const rows = await readRows(
    history,
    `SELECT generation, MIN(as_of), MIN(visible_from), COUNT(${quoted(`k_${key}`)}) FROM ${history.relation(batchTable(view))} AS t
GROUP BY generation HAVING MIN(visible_from) >= ${from} AND MIN(visible_from) < ${to} ORDER BY 3`,
  );
  return rows.map(([generation, asOf, at, keys]) => ({
    at: Number(at),
    kind: 'generation',
    of: `${view.name}@${view.version}`,
    text: `generation ${Number(generation)} of ${Number(keys)} keys, data until ${new Date(Number(asOf)).toISOString()}`,
  }));
}

async function latenessOf(
  source: EventSourceData,
  history: History,
  from: number,
  to: number,
): Promise<readonly TimeLineEntry[]> {
  const rows = await readRows(
    history,
    `SELECT hour, QUANTILE_DISC(late, 0.99), COUNT(*) FROM (
  SELECT ${INGEST_TS} // ${HOUR_MS} AS hour, GREATEST(0, ${INGEST_TS} - ${quoted(source.time)}) AS late
  FROM ${history.relation(rawTable(source))} AS t WHERE ${INGEST_TS} >= ${from} AND ${INGEST_TS} < ${to}) AS arrived
GROUP BY hour ORDER BY hour`,
  );
  const hours = rows.map(([hour, late, events]) => ({
    at: Number(hour) * HOUR_MS,
    lateMs: Number(late),
    events: Number(events),
  }));
  const sorted = hours.map(({ lateMs }) => lateMs).sort((a, b) => a - b);
  const usual = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  return hours
    .filter(({ lateMs }) => lateMs >= LEAST_LATE_MS && lateMs > LATE_TIMES * usual)
    .map(({ at, lateMs, events }) => ({
      at: Math.max(from, at),
      kind: 'lateness',
      of: source.name,
      text: `${events} events came late: p99 ${durationText(lateMs)}, usually ${durationText(usual)}`,
    }));
}

async function volumeOf(
  source: EventSourceData,
  history: History,
  from: number,
  to: number,
): Promise<readonly TimeLineEntry[]> {
  const { hours } = await readVolume(history, history.relation(rawTable(source)), from, to);
  return hours.flatMap(({ hour, deliveries, usual, verdict }) =>
    verdict === null
      ? []
      : [
          {
            at: hour,
            kind: 'volume' as const,
            of: source.name,
            text: `${deliveries} events in the hour, usually ${usual ?? 0}`,
          },
        ],
  );
}

async function quarantineOf(
  source: EventSourceData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  from: number,
  to: number,
): Promise<readonly TimeLineEntry[]> {
  const found = await readQuarantine(history, source, from, to);
  return found.map(({ code, column, events, at }) => ({
    at,
    kind: 'quarantine',
    of: source.name,
    // The sample may hold a personal value: it stays in the quarantine.
    text: `${events} events rejected, ${code}${column === null ? '' : ` in ${column}`}`,
  }));
}
