import { reasonOf } from '../base/reason-of.ts';
import type { MonitorStores } from '../compose/open-monitor.ts';
import { judgeModel, type MonitorStatus } from '../monitoring/monitor/judge-windows.ts';
import type { MonitorMemory } from '../monitoring/monitor/monitor-memory.ts';
import { type MonitorState, newState } from '../monitoring/monitor/monitor-state.ts';

/** Judges every model that has a champion, as of `now`. A process that does so again and again gives a memory. A model that fails is named, and the others are judged. */
export async function judgeAll(
  stores: MonitorStores,
  now: number,
  everyMs: number,
  memory: MonitorMemory | null = null,
): Promise<MonitorState> {
  const monitors: MonitorStatus[] = [];
  const failed: { model: string; reason: string }[] = [];
  const watched = await stores.watched();
  // Without a champion there may be no history yet.
  if (watched.length === 0) return newState({ at: now, everyMs, monitors, failed });
  const history = await stores.history();
  try {
    for (const one of watched) {
      try {
        monitors.push(...(await judgeModel(one, history, now, memory)));
      } catch (error) {
        failed.push({ model: one.model.name, reason: reasonOf(error) });
      }
    }
  } finally {
    await history.close();
  }
  return newState({ at: now, everyMs, monitors, failed });
}
