import { command } from '../../command.ts';
import { withAlerts } from '../../open/with-stores.ts';

export const alertsList = command({
  name: ['alerts', 'list'],
  summary: 'lists open and resolved incidents, messages that no sink accepted, and silences',
  words: '',
  arity: [0, 0],
  run: (call) =>
    withAlerts(call, async ({ alerts }) => {
      const { alertsLines, alertsReport } = await import('../../../findings/alerts/alerts-report.ts');
      const report = await alertsReport(alerts.store, Date.now());
      if (call.json) return call.terminal.out(JSON.stringify(report));
      for (const line of alertsLines(report)) call.terminal.out(line);
    }),
});
