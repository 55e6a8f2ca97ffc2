import { fail } from '../../base/errors/fail.ts';
import { monitorName } from '../../features/define/monitor.ts';
import { command } from '../command.ts';
import { spanOptions, withWatched } from '../with-watched.ts';

const MOST_WINDOWS = 1000;

export const driftWindows = command({
  name: ['drift', 'windows'],
  summary: 'judges every window of a span by each monitor of a model',
  words: '<model>',
  arity: [1, 1],
  options: spanOptions,
  async run(call) {
    const { judgeMonitor, monitorsOf } = await import('../../monitoring/monitor/judge-windows.ts');
    const { ruleCosts, ruleCostText } = await import('../../monitoring/monitor/rule-costs.ts');
    await withWatched(call, async ({ now, watched, history, span: { from, to } }) => {
      const all = [];
      for (const monitor of monitorsOf(watched.model)) {
        const first = Math.ceil(from / monitor.windowMs) * monitor.windowMs;
        const count = Math.floor((to - first) / monitor.windowMs);
        if (count < 1 || count > MOST_WINDOWS)
          throw fail('DRIFT_OPTION', {
            option: 'from',
            value: new Date(from).toISOString(),
            reason: `the span has ${Math.max(0, count)} windows, 1 to ${MOST_WINDOWS} are judged`,
          });
        const spans = Array.from({ length: count }, (_, i) => ({
          from: first + i * monitor.windowMs,
          to: first + (i + 1) * monitor.windowMs,
        }));
        all.push(await judgeMonitor(watched, monitor, history, spans, { now }));
      }
      if (call.json) {
        call.terminal.out(JSON.stringify(all));
        return;
      }
      for (const cost of ruleCosts([watched.model])) call.terminal.out(ruleCostText(cost));
      for (const { monitor, windows } of all)
        for (const { from: start, rows, state, reason, season } of windows)
          call.terminal.out(
            `${monitorName(monitor).padEnd(15)} ${new Date(start).toISOString()} ${String(rows).padEnd(8)} ${state.padEnd(12)} ${(season?.of ?? '–').padEnd(5)} ${reason}`,
          );
    });
  },
});
