import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Alerts } from '../../compose/open-alerts.ts';
import type { Environment } from '../../environment/config.ts';
import type { ProjectData } from '../../features/define/declaration.ts';
import type { Call, Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';
import { wholeOption } from '../parse-option.ts';
import type { RunningPlaybooks } from '../run-playbooks.ts';
import { every } from '../ticking.ts';

/** How often a process without the lease looks for it, ms. */
const LEASE_MS = 1000;

/** Time between two looks for messages that are due, ms. */
const DELIVER_MS = 1000;

export const monitor: Command = {
  name: ['monitor'],
  summary: 'watches champions in a separate process, one at a time by a lease; GET /v1/drift shows its findings',
  words: '',
  arity: [0, 0],
  options: { every: { type: 'string' }, once: { type: 'boolean' } },
  help: {
    every: 'seconds between two judgements (60)',
    once: 'judge once and end; an error if another process has the lease',
  },
  async run(call) {
    const everyMs = 1000 * wholeOption('every', call.options['every'], 60, 1, 86_400);
    const { monitorLease, openMonitor, writeMonitorState } = await import('../../compose/open-monitor.ts');
    const { judgeAll } = await import('../monitor-loop.ts');
    const { newMonitorMemory } = await import('../../monitoring/monitor/monitor-memory.ts');
    const { openAlerts, writeAlertRules } = await import('../../compose/open-alerts.ts');
    const { reportFindings } = await import('../../monitoring/alerts/incidents-of-findings.ts');
    const { project, environment } = await loadConfig(call);
    const { directory } = environment;
    const report = (error: unknown) => call.terminal.err(`headrace: ${reasonOf(error)}`);
    const memory = newMonitorMemory();
    const judge = async (alerts: Alerts, playbooks: RunningPlaybooks | null) => {
      const stores = await openMonitor(project, environment);
      try {
        const state = await judgeAll(stores, Date.now(), everyMs, memory);
        writeMonitorState(directory, state);
        await reportFindings(project.models, state, alerts.book);
        const alarms = state.monitors.filter(({ state: one }) => one === 'drift' || one === 'fault').length;
        const { monitors, failed } = state;
        const summary = { monitors: monitors.length, alarms, failed: failed.length };
        call.terminal.out(
          call.json
            ? JSON.stringify(summary)
            : `${summary.monitors} monitors judged, ${alarms} alarms, ${failed.length} models failed`,
        );
      } finally {
        await stores.close();
      }
      await playbooks?.step();
    };
    const once = call.options['once'] === true;
    let stopped = false;
    const stop = once
      ? null
      : call.terminal.stopped.then(() => {
          stopped = true;
        });
    let wake: (() => void) | null = null;
    const pause = async (ms: number) => {
      let timer: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, ms);
      });
      await Promise.race([stop, over]);
      clearTimeout(timer);
    };
    // A child ends with the process that started it.
    process.once('disconnect', () => {
      stopped = true;
      wake?.();
    });
    let lease = monitorLease(directory);
    if (lease === null && once) throw fail('DRIFT_MONITOR', { directory });
    if (lease === null) call.terminal.err('headrace: another process monitors; this one takes over when it ends');
    while (lease === null && !stopped) {
      await pause(LEASE_MS);
      lease = monitorLease(directory);
    }
    const alerts = openAlerts(project, environment, { clock: Date.now, onFault: report });
    const playbooks = await openIfDeclared(call, { project, environment }, alerts);
    // Incidents are sent while the next judgement is waited for.
    const sending = once ? null : every(DELIVER_MS, async () => void (await alerts.deliver()), report);
    try {
      writeAlertRules(project, environment);
      while (!stopped) {
        if (once) {
          await judge(alerts, playbooks);
          await alerts.deliver();
          return;
        }
        // A store that is locked or damaged now may answer at the next time; the state then goes stale, which readers see.
        await judge(alerts, playbooks).catch(report);
        await pause(everyMs);
      }
    } finally {
      await sending?.stop();
      await playbooks?.close();
      await alerts.close();
      lease?.release();
    }
  },
};

/** The playbooks of a project that declares any; null: it declares none. */
async function openIfDeclared(
  call: Call,
  place: { readonly project: ProjectData; readonly environment: Environment },
  { book: incidents }: Pick<Alerts, 'book'>,
): Promise<RunningPlaybooks | null> {
  const { hasPlaybook } = await import('../../compose/open-playbooks.ts');
  if (!hasPlaybook(place.project)) return null;
  const { runPlaybooks } = await import('../run-playbooks.ts');
  const isOnce = call.options['once'] === true;
  return runPlaybooks(call, place, { report: (line) => call.terminal.err(line), wait: isOnce, incidents });
}
