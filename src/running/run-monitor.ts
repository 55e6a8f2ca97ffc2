import { clockFault } from '../base/clock-fault.ts';
import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import { every } from '../base/ticking.ts';
import { reportFindings } from '../findings/incidents-of-findings.ts';
import { Judge, type JudgeStores } from '../findings/judge.ts';
import type { MonitorState } from '../findings/monitor-state.ts';
import { nextTerm, Pauses, type Term } from '../findings/monitor-term.ts';
import { KEEP_MS } from '../findings/sql-monitor-store.ts';
import { type FindingsSink, watch } from '../findings/watch.ts';
import type { IncidentPort } from '../ports/incident.ts';
import type { MonitorStore } from '../ports/monitor-store.ts';
import { judgeStores } from '../site/judge-stores.ts';
import { type Alerts, openAlerts, writeAlertRules } from '../site/open-alerts.ts';
import type { Site } from '../site/site.ts';

/** Time between two looks for messages that are due, ms. */
const DELIVER_MS = 1000;

/** The playbooks of a project while a process monitors it. */
export interface RunningPlaybooks {
  /** One step of each with the findings of an instant. A playbook that fails is reported, and the others take theirs. */
  step(at: number): Promise<void>;
  /** Cancels trainings under way, and ends with them. */
  close(): Promise<void>;
}

export interface MonitorRun {
  readonly site: Site;
  /** Time between two judgements, ms. */
  readonly everyMs: number;
  /** Whether it judges once and ends. Error then: DRIFT_MONITOR: another process has the lease. */
  readonly once: boolean;
  /** Resolves when the run is to end. */
  readonly stopped: Promise<unknown>;
  /** Receives failures; the next judgement may work. */
  readonly report: (error: unknown) => void;
  /** Called where another process has the lease, before this one waits for it. */
  readonly waits: () => void;
  readonly judged: (state: MonitorState) => void;
  /** Its memory outlives a run; left out: it is of this run alone. */
  readonly judge?: Judge;
  /** The stores that a judgement reads; left out: those of the site, with its published history. */
  readonly judgeStores?: () => MaybePromise<JudgeStores>;
  /** Opens the playbooks of the project; null: it declares none. */
  readonly openPlaybooks: (site: Site, incidents: IncidentPort, judge: Judge) => Promise<RunningPlaybooks | null>;
}

/**
 * Watches the champions of a project: by a lease one process of all hosts judges at a time, and state, incidents and playbooks
 * get the same findings in this order. A process that loses the lease waits for it again. Errors with `once`: DRIFT_MONITOR,
 * DRIFT_UNJUDGED, those of the stores.
 */
export async function runMonitor(run: MonitorRun): Promise<void> {
  const monitors = await run.site.monitors();
  const pauses = new Pauses(run.stopped);
  do {
    const term = await nextTerm(monitors, pauses, run.once ? null : run);
    if (term === null && run.once) throw fail('DRIFT_MONITOR', { directory: run.site.environment.directory });
    if (term === null) return;
    await judgeUnder(term, run, monitors, pauses);
  } while (!run.once && !pauses.isStopped);
}

/** Judges until the run ends or another process has the lease. */
async function judgeUnder(term: Term, run: MonitorRun, monitors: MonitorStore, pauses: Pauses): Promise<void> {
  const { site, report, judge = new Judge() } = run;
  const keeping = every(KEEP_MS, () => term.keep(), report);
  // A holder that cannot judge releases the lease, also where nothing opens.
  try {
    const alerts = await openAlerts(site);
    try {
      const playbooks = await run.openPlaybooks(site, alerts.book, judge);
      try {
        await judgeAgain(run, { judge, alerts, playbooks, monitors, term }, pauses);
      } finally {
        await playbooks?.close();
      }
    } finally {
      await alerts.close();
    }
  } finally {
    await keeping.stop();
    await term.release().catch(report);
  }
}

/** Judges once, or again and again while the lease is held; incidents are sent meanwhile. */
async function judgeAgain(run: MonitorRun, opened: Opened, pauses: Pauses): Promise<void> {
  const { site, once, everyMs, report } = run;
  const { alerts, term } = opened;
  writeAlertRules(site.project, site.environment);
  if (once) {
    await judgeOnce(run, opened);
    await alerts.deliver();
    return;
  }
  const sending = every(DELIVER_MS, async () => void (await alerts.deliver()), report);
  try {
    while (!pauses.isStopped && term.isHeld()) {
      // A store that is locked or damaged now may answer at the next time; the state then goes stale, which readers see.
      await judgeOnce(run, opened).catch(report);
      await Promise.race([pauses.wait(everyMs), term.ended]);
    }
  } finally {
    await sending.stop();
  }
}

interface Opened {
  readonly judge: Judge;
  readonly alerts: Alerts;
  readonly playbooks: RunningPlaybooks | null;
  readonly monitors: MonitorStore;
  readonly term: Term;
}

/** One judgement, and what follows from it while the lease is held. */
async function judgeOnce(run: MonitorRun, { judge, alerts, playbooks, monitors, term }: Opened): Promise<void> {
  const { site, everyMs, judged, report, judgeStores: storesOf = () => judgeStores(site) } = run;
  const { project, clock } = site;
  clock.guard?.tick();
  const fault = clockFault(clock);
  // Judgements are of the time that is trusted.
  if (fault !== null) report(fault);
  const stores = await storesOf();
  const time = { at: clock(), everyMs };
  const sinks: readonly FindingsSink[] = [
    (state) => monitors.write(JSON.stringify(state)),
    (state) => reportFindings(project.models, state, alerts.book),
    judged,
    ({ at }) => playbooks?.step(at),
  ];
  const whileHeld = sinks.map(
    (sink): FindingsSink =>
      async (state) =>
        term.isHeld() ? sink(state) : undefined,
  );
  const { failed } = await watch(judge, stores, project.models, time, whileHeld);
  if (failed.length > 0)
    throw fail('DRIFT_UNJUDGED', { reasons: failed.map(({ model, reason }) => `${model}: ${reason}`) });
}
