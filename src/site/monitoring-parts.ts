import { reasonOf } from '../base/reason-of.ts';
import { type AlertsSeen, alertsPart, NO_ALERTS } from '../findings/alerts/alerts-part.ts';
import { type MonitorState, parseState } from '../findings/monitor-state.ts';
import { monitorsPart } from '../findings/monitors-part.ts';
import { openPart } from '../observe/part-kind.ts';
import type { Part } from '../ports/part.ts';
import { hasAlerts } from './open-alerts.ts';
import type { Site } from './site.ts';

/** Opens the parts of monitors and alerts. They read again at each tick what the monitor of the environment wrote, wherever it runs. */
export async function monitoringParts(site: Site, now: number): Promise<readonly Part[]> {
  const monitors = await site.monitors();
  const judged = new Followed<MonitorState | null>(null, async () => parseState((await monitors.read()) ?? ''));
  const seen = new Followed<AlertsSeen>(NO_ALERTS, () => readAlerts(site));
  await judged.follow();
  await seen.follow();
  return [
    openPart(
      monitorsPart,
      {
        state: () => judged.newest,
        trouble: () => judged.trouble,
        isDeclared: site.project.models.some((model) => model.monitors.length > 0),
        since: now,
      },
      { tick: () => judged.follow() },
    ),
    openPart(alertsPart, { seen: () => seen.newest, trouble: () => seen.trouble }, { tick: () => seen.follow() }),
  ];
}

/** The incidents of an environment; they are opened when the first one is there. */
async function readAlerts(site: Site): Promise<AlertsSeen> {
  if (!hasAlerts(site.environment)) return NO_ALERTS;
  const store = await site.alerts();
  const [active, unsettled, counts, silences] = await Promise.all([
    store.active(),
    store.unsettled(),
    store.counts(),
    store.silences(site.clock()),
  ]);
  return { active, unsettled, counts, silences };
}

/** The newest value that was read, and why it could not be read since; it never throws. */
class Followed<T> {
  newest: T;
  trouble: string | null = null;
  readonly #read: () => Promise<T>;
  #running: Promise<void> | null = null;

  constructor(first: T, read: () => Promise<T>) {
    this.newest = first;
    this.#read = read;
  }

  follow(): Promise<void> {
    this.#running ??= this.#readOnce().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #readOnce(): Promise<void> {
    try {
      this.newest = await this.#read();
      this.trouble = null;
    } catch (error) {
      this.trouble = reasonOf(error);
    }
  }
}
