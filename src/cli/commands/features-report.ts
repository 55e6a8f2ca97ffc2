import { writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Command } from '../command.ts';
import { instantOption } from '../parse-option.ts';
import { withHistory } from '../with-history.ts';

const DAY_MS = 86_400_000;

export const featuresReport: Command = {
  name: ['features', 'report'],
  summary: 'profiles served features and events: nulls, ranges, cardinality, age, volume, lateness, rejections',
  words: '',
  arity: [0, 0],
  options: { from: { type: 'string' }, to: { type: 'string' }, html: { type: 'string' } },
  help: {
    from: 'first instant of served vectors and arrived events (a day before to)',
    to: 'end, exclusive (now)',
    html: 'also write an HTML file to this path',
  },
  async run(call) {
    const { featuresReport: reportOf } = await import('../../monitoring/features/features-report.ts');
    const { reportHtml } = await import('../../monitoring/features/report-html.ts');
    const { reportText } = await import('../../monitoring/features/report-text.ts');
    await withHistory(call, async (project, history) => {
      const to = instantOption('to', call.options['to']) ?? Date.now();
      const report = await reportOf(project, history, instantOption('from', call.options['from']) ?? to - DAY_MS, to);
      const path = call.options['html'];
      if (typeof path === 'string') writeHtml(path, reportHtml(report));
      call.terminal.out(call.json ? JSON.stringify(report) : reportText(report));
    });
  },
};

function writeHtml(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw fail('CLI_FILE', { path, reason: reasonOf(error) }, error);
  }
}
