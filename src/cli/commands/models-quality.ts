import type { QualityReport } from '../../monitoring/labels/quality-report.ts';
import type { Call, Command } from '../command.ts';
import { instantOption } from '../parse-option.ts';
import { serverOf, serverOption, serverOptionHelp } from '../server-link.ts';
import { withHeadrace } from '../with-headrace.ts';

const MONTH_MS = 30 * 86_400_000;

export const modelsQuality: Command = {
  name: ['models', 'quality'],
  summary: 'shows the realised quality of a model by day and version, with the share of predictions that it covers',
  words: '<model>',
  arity: [1, 1],
  options: { from: { type: 'string' }, to: { type: 'string' }, ...serverOption },
  help: {
    from: 'first day of prediction (30 days before to)',
    to: 'end, exclusive (now)',
    ...serverOptionHelp,
  },
  async run(call) {
    const to = instantOption('to', call.options['to']) ?? Date.now();
    const from = instantOption('from', call.options['from']) ?? to - MONTH_MS;
    const report = await reportOf(call, from, to);
    if (call.json) return call.terminal.out(JSON.stringify(report));
    const { qualityLines } = await import('../../monitoring/labels/quality-report.ts');
    for (const line of qualityLines(report)) call.terminal.out(line);
  },
};

async function reportOf(call: Call, from: number, to: number): Promise<QualityReport> {
  const [model] = call.words;
  const server = await serverOf(call);
  if (server !== null) {
    const path = `/v1/quality/${encodeURIComponent(model)}?from=${from}&to=${to}`;
    return JSON.parse(await server.ask('GET', path)) as QualityReport;
  }
  const { qualityReport, wholeDays } = await import('../../monitoring/labels/quality-report.ts');
  const span = wholeDays(from, to);
  return withHeadrace(call, async (headrace) => {
    const data = headrace.model(model);
    return qualityReport(
      model,
      await headrace.realisedQuality(data, span.from, span.to),
      span,
      await headrace.versions(data),
    );
  });
}
