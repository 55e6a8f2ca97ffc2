import type { EventSourceData, ProjectData } from '../../features/define/declaration.ts';
import { INGEST_TS, rawTable } from '../../features/plan/raw-table.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { HistoryEngine } from '../../ports/history-engine.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { BatchSchedule } from '../batch/batch-schedule.ts';
import { serveKept } from '../batch/serve-kept.ts';
import { isFilled, markFilled } from '../fill-marks.ts';
import type { Archive } from '../materialise/archive.ts';
import type { Materialiser } from '../materialise/materialiser.ts';
import { allTiles } from './backfill.ts';
import { verifyTiles } from './verify-tiles.ts';

export interface HistoryFillOptions {
  readonly project: ProjectData;
  readonly layouts: readonly TileLayout[];
  readonly materialiser: Materialiser;
  readonly archive: Archive;
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  /** null: the offline store itself computes. */
  readonly engine: HistoryEngine | null;
  /** Prefix of files that views are sorted in; undefined: there is no place for them. */
  readonly scratch?: string | undefined;
  readonly onFault: (error: unknown) => void;
}

/** How many keys of a view are compared with its events before its computed tiles are relied on. */
const VERIFIED_KEYS = 100;

/** Computes tiles from the history that the log alone does not give: those of new views, and those lost with a store. */
export class HistoryFill {
  readonly #options: HistoryFillOptions;
  #stage: 'closed' | 'open' = 'closed';

  constructor(options: HistoryFillOptions) {
    this.#options = options;
  }

  /** Fills what is new. Call it when archive and materialiser have caught up, before any event is taken. */
  async open(): Promise<void> {
    await this.#fillNew();
    this.#stage = 'open';
  }

  /**
   * After a loss of the online store: tiles that the log no longer covers are computed from the history, and batch views run again.
   * Does nothing until it is open, because `open` then fills everything.
   */
  async afterLoss(batch: BatchSchedule | null): Promise<void> {
    if (this.#stage === 'closed') return;
    const { archive, project, onFault, online, offline } = this.#options;
    await this.#fillNew();
    if (batch === null) return;
    await archive.publishDeliveries();
    for (const view of project.views) {
      if (view.kind !== 'batchView') continue;
      // Scores that are in the history need no model.
      const again = view.scores === undefined ? batch.run(view) : serveKept(view, online, offline);
      await again.catch(onFault);
    }
  }

  /**
   * Tiles of layouts that the store has not seen before, of a new view or of one with another aggregate, are computed from
   * the history: the log position of the store says nothing about them. So are all tiles if the store lost its place and
   * the log has dropped the events before, or never had them.
   */
  async #fillNew(): Promise<void> {
    const { layouts, materialiser, online } = this.#options;
    const { startedEmpty, missedEvents, areTilesElsewhere } = materialiser;
    const past = await this.#pastSources();
    if (missedEvents) for (const layout of layouts) await markFilled(layout, online, false);
    const unfilled: TileLayout[] = [];
    for (const layout of layouts) if (!(await isFilled(layout, online))) unfilled.push(layout);
    if (unfilled.length > 0 && (!startedEmpty || missedEvents))
      await this.#computeAll(unfilled, (startedEmpty || !missedEvents) && !areTilesElsewhere, past);
    for (const layout of unfilled) await markFilled(layout, online, true);
  }

  /** Computes all tiles of a layout from the history, whatever the store has. No event may be taken meanwhile. Error: BACKFILL_DIFFERS. */
  async again(layout: TileLayout): Promise<void> {
    const { online } = this.#options;
    // If it is interrupted, the next opening does it.
    await markFilled(layout, online, false);
    await this.#computeAll([layout], false);
    await markFilled(layout, online, true);
  }

  /** `areNew`: the store has no other tiles of the layouts. `past`: sources whose events the history has, and the log never had. */
  async #computeAll(
    layouts: readonly TileLayout[],
    areNew: boolean,
    past: ReadonlySet<EventSourceData> = new Set(),
  ): Promise<void> {
    const { materialiser, archive, offline, engine, scratch } = this.#options;
    await archive.publishDeliveries();
    const isPast = ({ view }: TileLayout) => areNew && past.has(view.source);
    // Tiles that no window reaches from there on would be dropped soon.
    const reachedFrom = ({ view }: TileLayout) => ({ reachedFrom: materialiser.judge.clockOf(view.source) });
    const fills = layouts.map((layout) => ({
      layout,
      areAll: areNew,
      ...(isPast(layout) ? reachedFrom(layout) : {}),
    }));
    await materialiser.fillTiles(allTiles(fills, offline, engine, scratch), new Set(layouts.filter(isPast)));
    for (const layout of layouts) await this.verifySample(layout);
  }

  /** The sources of views whose events the history has, and the log never had; the judge gets their clocks. */
  async #pastSources(): Promise<ReadonlySet<EventSourceData>> {
    const { layouts, materialiser, offline } = this.#options;
    const past = new Set<EventSourceData>();
    for (const source of new Set(layouts.map(({ view }) => view.source))) {
      if (materialiser.judge.lastIngestOf(source) !== Number.NEGATIVE_INFINITY) continue;
      const sql = `SELECT CAST(MAX(${INGEST_TS}) AS DOUBLE) FROM ${offline.relation(rawTable(source))}`;
      for await (const [[newest] = []] of offline.query(sql)) {
        if (newest === null || newest === undefined) continue;
        materialiser.judge.beginAfter(source, Number(newest));
        past.add(source);
      }
    }
    return past;
  }

  /**
   * Compares tiles with events for the same keys, after the last event of the source. Returns the number of keys; 0 if events came
   * meanwhile, which the history does not have yet, or if the tiles are made elsewhere. Error: BACKFILL_DIFFERS.
   */
  async verifySample(layout: TileLayout): Promise<number> {
    const { materialiser, archive, offline } = this.#options;
    const { source } = layout.view;
    const clock = materialiser.judge.lastIngestOf(source);
    if (clock === Number.NEGATIVE_INFINITY || materialiser.areTilesElsewhere) return 0;
    const position = JSON.stringify(materialiser.position());
    await archive.publishDeliveries();
    const runsOf = async (key: string) => {
      await materialiser.tiles.hold([{ layout, key }]);
      return materialiser.tiles.tilesOf(layout, key).runs;
    };
    try {
      return await verifyTiles({ layout, offline, runsOf, at: clock + source.futureSkewMs + 1, keys: VERIFIED_KEYS });
    } catch (error) {
      if (JSON.stringify(materialiser.position()) !== position) return 0;
      throw error;
    }
  }
}
