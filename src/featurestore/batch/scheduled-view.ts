import { type InTurn, turnsInOrder } from '../../base/in-turn.ts';
import type { Clock } from '../../base/time.ts';
import type { Tracer } from '../../base/tracer.ts';
import type { BatchViewData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { BatchGeneration, OnlineStore } from '../../ports/online-store.ts';
import { type Cron, parseCron } from '../../schedule/cron.ts';
import { BatchHistory } from './batch-history.ts';
import { hasUnfinished, type ViewScorer } from './scored-view.ts';

export interface BatchScheduleOptions {
  readonly views: readonly BatchViewData[];
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  readonly clock: Clock;
  /** Every run is traced; null: none. */
  readonly tracer?: Tracer | null;
  /** Scores the requests of scored views; without it they are never due. */
  readonly scorer?: ViewScorer | undefined;
  /** Prefix of scratch files, which hold the rows of a run; absent: they are in a temporary folder. */
  readonly scratch?: string | undefined;
}

/** How a run is followed and ended. */
export interface BatchRunOptions {
  /** Switches to it however many keys it lacks. */
  readonly acceptLoss?: boolean;
  /** Cancels the scoring of a scored view. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (text: string) => void;
}

/** The result of a run. */
export interface BatchRun {
  readonly generation: BatchGeneration;
  readonly rows: number;
  /** Rows whose key has a null part: left out. */
  readonly nullKeys: number;
}

/** How the runs of a view end. The previous generation is served until a run succeeds. */
export interface BatchHealth {
  readonly view: BatchViewData;
  /** Number of the newest generation; 0: none yet. */
  readonly generation: number;
  /** The data of the newest generation reach up to here; null: none yet. */
  readonly asOf: number | null;
  /** When the run was due that has not succeeded yet, a minute ago or more; null: none. */
  readonly overdueSince: number | null;
  /** Runs since the start. */
  readonly succeeded: number;
  readonly failed: number;
  /** Of the last run, if it failed. */
  readonly failure: { readonly at: number; readonly reason: string } | null;
  /** Share of the keys of the generation before that the last run lacked, accepted or not; null: no run since the start. */
  readonly lostShare: number | null;
}

/** A batch view and how its runs go. */
export interface ScheduledView {
  readonly view: BatchViewData;
  readonly cron: Cron;
  readonly history: BatchHistory;
  /** Number of the newest generation; 0 before the first. */
  generation: number;
  /** When it last ran or was tried, or when the schedule was opened. */
  triedAt: number;
  asOf: number | null;
  /** When it last succeeded, or when the schedule was opened. */
  succeededAt: number;
  succeeded: number;
  failed: number;
  failure: BatchHealth['failure'];
  lostShare: number | null;
  /** Ends with its last run that was asked for. */
  readonly turn: InTurn;
}

/** Reads the newest generation of a view and repairs what a crash left. Error: SCHEDULE_TEXT. */
export async function openView(
  view: BatchViewData,
  { online, offline, clock, scorer }: BatchScheduleOptions,
): Promise<ScheduledView> {
  const cron = parseCron(view.schedule, view.name);
  const history = new BatchHistory(view, offline);
  const newest = await history.newest();
  const [answer] = await online.readBatch([{ viewId: viewId(view), features: view.features, key: '' }]);
  const served = answer?.generation;
  // Only a generation of which the history has heard nothing: one that was rolled back to is kept already.
  if (served !== undefined && served.generation > (newest?.generation ?? 0)) await history.keep(served);
  const seen = [newest, served].filter((generation) => generation !== null && generation !== undefined);
  const isUnfinished = scorer !== undefined && view.scores !== undefined && hasUnfinished(scorer, view);
  const triedAt =
    seen.length === 0 && !isUnfinished ? clock() : Math.max(0, ...seen.map(({ visibleFrom }) => visibleFrom));
  return {
    view,
    cron,
    history,
    generation: Math.max(0, ...seen.map(({ generation }) => generation)),
    triedAt,
    asOf: served?.asOf ?? null,
    succeededAt: triedAt,
    succeeded: 0,
    failed: 0,
    failure: null,
    lostShare: null,
    turn: turnsInOrder(),
  };
}

/** `name@version`. */
export function viewId({ name, version }: BatchViewData): string {
  return `${name}@${version}`;
}
