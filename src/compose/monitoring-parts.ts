import { reasonOf } from '../base/reason-of.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { type AlertsSeen, alertsPart, NO_ALERTS } from '../findings/alerts/alerts-part.ts';
import { type MonitorState, parseState } from '../findings/monitor-state.ts';
import { monitorsPart } from '../findings/monitors-part.ts';
import { openPart } from '../observe/part-kind.ts';
import type { StoreFaults } from '../observe/store-faults.ts';
import type { AlertStore } from '../ports/alert-store.ts';
import type { MonitorStore } from '../ports/monitor-store.ts';
import type { Part } from '../ports/part.ts';
import { readAlerts } from './open-alerts.ts';

/** Opens the parts of monitors and alerts. They read again at each tick what the monitor of the environment wrote, wherever it runs. */
export async function monitoringParts(
  project: ProjectData,
  environment: Environment,
  monitors: MonitorStore,
  now: number,
  faults: StoreFaults,
): Promise<readonly Part[]> {
  const judged = new Followed<MonitorState | null>(null, async () => parseState((await monitors.read()) ?? ''));
  const alerts = new FollowedAlerts(environment, faults);
  const seen = new Followed<AlertsSeen>(NO_ALERTS, () => alerts.read());
  await judged.follow();
  await seen.follow();
  return [
    openPart(
      monitorsPart,
      {
        state: () => judged.newest,
        trouble: () => judged.trouble,
        isDeclared: project.models.some((model) => model.monitors.length > 0),
        since: now,
      },
      { tick: () => judged.follow() },
    ),
    openPart(
      alertsPart,
      { seen: () => seen.newest, trouble: () => seen.trouble },
      { tick: () => seen.follow(), close: () => alerts.close() },
    ),
  ];
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

/** The incidents of an environment, opened when the first one is there. */
class FollowedAlerts {
  readonly #environment: Environment;
  readonly #faults: StoreFaults;
  #store: AlertStore | null = null;

  constructor(environment: Environment, faults: StoreFaults) {
    this.#environment = environment;
    this.#faults = faults;
  }

  async read(): Promise<AlertsSeen> {
    if (this.#store === null) {
      const opened = await readAlerts(this.#environment);
      if (opened === null) return NO_ALERTS;
      this.#store = this.#faults.watch('incidents', opened);
    }
    const [active, unsettled, counts, silences] = await Promise.all([
      this.#store.active(),
      this.#store.unsettled(),
      this.#store.counts(),
      this.#store.silences(Date.now()),
    ]);
    return { active, unsettled, counts, silences };
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
  }
}
