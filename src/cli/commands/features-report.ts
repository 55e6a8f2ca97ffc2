import { command } from '../command.ts';
import { withHistory } from '../open/with-stores.ts';
import { option } from '../options/option.ts';
import { file, instant } from '../options/option-kinds.ts';
import { writeReport } from '../report/write-report.ts';

const DAY_MS = 86_400_000;

export const featuresReport = command({
  name: ['features', 'report'],
  summary: 'profiles served features and events: nulls, ranges, cardinality, age, volume, lateness, rejections',
  words: '',
  arity: [0, 0],
  options: {
    from: option(instant, 'first instant of served vectors and arrived events (a day before to)'),
    to: option(instant, 'end, exclusive (now)'),
    html: option(file, 'also write an HTML file to this path'),
  },
  async run(call) {
    const { featuresReport: reportOf } = await import('../../monitoring/features/features-report.ts');
    const { reportText } = await import('../../monitoring/features/report-text.ts');
    await withHistory(call, async (project, history) => {
      const { to = Date.now(), from = to - DAY_MS, html } = call.options;
      const report = await reportOf(project, history, from, to);
      writeReport(html, 'features', () => JSON.stringify(report));
      call.terminal.out(call.json ? JSON.stringify(report) : reportText(report));
    });
  },
});
