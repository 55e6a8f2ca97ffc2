import { playbookPlan } from '../features/define/playbook.ts';
import { Judge, type JudgeStores } from '../findings/judge.ts';
import { unfoundIncidents } from '../findings/unfound-incidents.ts';
import type { WorldOf } from '../playbook/project-playbooks.ts';
import type { IncidentPort } from '../ports/incident.ts';
import { openAlerts } from '../site/open-alerts.ts';
import type { Site } from '../site/site.ts';
import { flushParts, type OpenProject } from './opened-project.ts';
import { runMonitor } from './run-monitor.ts';
import { worldOf } from './world-of.ts';

export interface MonitorOptions {
  /** Whether it ends with the trainings that playbooks begin (no: they continue after it). */
  readonly wait?: boolean;
  /** Time until the next call, ms: after three of them the judgement is stale; 0 (default): it never is. */
  readonly everyMs?: number;
}

const monitors = new WeakMap<OpenProject, LocalMonitor>();

/** The monitor of an open project: calls of its user and the gates of rollouts share it, and what it has judged. */
export function monitorOf(open: OpenProject): LocalMonitor {
  let monitor = monitors.get(open);
  if (monitor === undefined) {
    monitor = new LocalMonitor(open);
    monitors.set(open, monitor);
  }
  return monitor;
}

/** Monitor and playbooks in the process of their project: they read the history of its own stores. */
class LocalMonitor {
  readonly #open: OpenProject;
  readonly #judge = new Judge();
  readonly world: WorldOf;

  constructor(open: OpenProject) {
    this.#open = open;
    const { stores, registered, training, models, site } = open;
    this.world = worldOf({
      ...stores,
      registered,
      training,
      controlOf: ({ name }) => models.named(name).rollouts.control,
      withHistory: this.#withHistory,
      incidents: unfoundIncidents(incidentsOf(site)),
      judge: this.#judge,
    });
  }

  /** One judgement, and what follows from it. Errors: DRIFT_MONITOR, DRIFT_UNJUDGED, those of the stores and of playbooks. */
  async run({ wait = false, everyMs = 0 }: MonitorOptions): Promise<void> {
    const { site, project, playbooks, stores, onFault } = this.#open;
    const declared = project.models.filter((model) => playbookPlan(model) !== null);
    await runMonitor({
      site,
      everyMs,
      once: true,
      stopped: new Promise(() => undefined),
      report: onFault,
      waits: () => undefined,
      judged: () => undefined,
      judge: this.#judge,
      judgeStores: () => ({ ...stores, withHistory: this.#withHistory }),
      openPlaybooks: async () => ({
        step: async (at) => {
          for (const { name } of declared) await playbooks.named(name, this.world).step({ at, wait });
        },
        // Trainings under way are those of the project, which ends them.
        close: async () => undefined,
      }),
    });
  }

  readonly #withHistory: JudgeStores['withHistory'] = async (work) => {
    const { parts, stores } = this.#open;
    await flushParts(parts);
    return work(stores.offline);
  };
}

/** The incidents of a site, which are opened with the first that comes. */
function incidentsOf(site: Site): IncidentPort {
  let opened: Promise<IncidentPort> | null = null;
  const book = () => {
    opened ??= openAlerts(site).then((alerts) => alerts.book);
    return opened;
  };
  return {
    open: async (incident) => (await book()).open(incident),
    update: async (fingerprint, change) => (await book()).update(fingerprint, change),
    resolve: async (fingerprint, resolution) => (await book()).resolve(fingerprint, resolution),
    active: async () => (await book()).active(),
  };
}
