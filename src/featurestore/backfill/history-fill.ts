import type { ProjectData } from '../../features/define/declaration.ts';
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
   * Tiles of a layout that the store has not seen before, of a new view or of one with another aggregate, are computed from
   * the history: the log position of the store says nothing about them. So are all tiles if the store lost its place and
   * the log has dropped the events before.
   */
  async #fillNew(): Promise<void> {
    const { layouts, materialiser, online } = this.#options;
    if (materialiser.missedEvents) for (const layout of layouts) await markFilled(layout, online, false);
    for (const layout of layouts) {
      if (await isFilled(layout, online)) continue;
      if (!materialiser.startedEmpty || materialiser.missedEvents)
        await this.#computeAll(layout, !materialiser.missedEvents && !materialiser.areTilesElsewhere);
      await markFilled(layout, online, true);
    }
  }

  /** Computes all tiles of a layout from the history, whatever the store has. No event may be taken meanwhile. Error: BACKFILL_DIFFERS. */
  async again(layout: TileLayout): Promise<void> {
    const { online } = this.#options;
    // If it is interrupted, the next opening does it.
    await markFilled(layout, online, false);
    await this.#computeAll(layout, false);
    await markFilled(layout, online, true);
  }

  /** `isNew`: the store has no other tiles of the layout. */
  async #computeAll(layout: TileLayout, isNew: boolean): Promise<void> {
    const { materialiser, archive, offline, engine } = this.#options;
    await archive.publishDeliveries();
    await materialiser.fillTiles(allTiles(layout, offline, engine, isNew));
    await this.verifySample(layout);
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
