import { once as eventOnce } from 'node:events';
import { reasonOf } from '../../base/reason-of.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import type { MonitorState } from '../../findings/monitor-state.ts';
import type { MonitorRun } from '../../running/run-monitor.ts';
import { type Call, command, served } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';
import { flag, option } from '../options/option.ts';
import { whole } from '../options/option-kinds.ts';

export const monitor = command({
  name: ['monitor'],
  stop: [served('without --once')],
  summary: 'watches champions in a separate process, one at a time by a lease; GET /v1/drift shows its findings',
  words: '',
  arity: [0, 0],
  options: {
    every: option(whole(1, 86_400), 'seconds between two judgements', 60),
    once: flag('judge once and end; an error if another process has the lease'),
  },
  async run(call) {
    const { every, once } = call.options;
    const { runMonitor } = await import('../../running/run-monitor.ts');
    const { runPlaybooks } = await import('../playbook/run-playbooks.ts');
    const { withSite } = await import('../../site/site.ts');
    const place = await loadConfig(call);
    const clock = environmentClock(place.environment.directory, { keeps: false });
    const report = (error: unknown) => call.terminal.err(`headrace: ${reasonOf(error)}`);
    const run: Omit<MonitorRun, 'site'> = {
      everyMs: 1000 * every,
      once,
      // A child ends with the process that started it. Without a repetition there is nothing to end.
      stopped: once
        ? new Promise(() => undefined)
        : Promise.race([call.terminal.stopped, eventOnce(process, 'disconnect')]),
      report,
      waits: () => call.terminal.err('headrace: another process monitors; this one takes over when it ends'),
      judged: (state) => call.terminal.out(judgedLine(call, state)),
      openPlaybooks: (site, incidents, judge) =>
        runPlaybooks(call, site, { report: (line) => call.terminal.err(line), wait: once, incidents, judge }),
    };
    await withSite({ ...place, clock, onFault: report }, (site) => runMonitor({ ...run, site }));
  },
});

function judgedLine({ json }: Call, { monitors, failed }: MonitorState): string {
  const alarms = monitors.filter(({ state }) => state === 'drift' || state === 'fault').length;
  const summary = { monitors: monitors.length, alarms, failed: failed.length };
  return json
    ? JSON.stringify(summary)
    : `${summary.monitors} monitors judged, ${alarms} alarms, ${failed.length} models failed`;
}
