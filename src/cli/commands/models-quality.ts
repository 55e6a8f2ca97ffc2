import type { QualityReport } from '../../monitoring/labels/quality-report.ts';
import { type Call, command } from '../command.ts';
import { serverOf, serverOption } from '../link/server-link.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { option } from '../options/option.ts';
import { instant } from '../options/option-kinds.ts';

const MONTH_MS = 30 * 86_400_000;

export const modelsQuality = command({
  name: ['models', 'quality'],
  summary: 'shows the realised quality of a model by day and version, with the share of predictions that it covers',
  words: '<model>',
  arity: [1, 1],
  options: {
    from: option(instant, 'first day of prediction (30 days before to)'),
    to: option(instant, 'end, exclusive (now)'),
    ...serverOption,
  },
  async run(call) {
    const { to = Date.now(), from = to - MONTH_MS } = call.options;
    const report = await reportOf(call, from, to);
    if (call.json) return call.terminal.out(JSON.stringify(report));
    const { qualityLines } = await import('../../monitoring/labels/quality-report.ts');
    for (const line of qualityLines(report)) call.terminal.out(line);
  },
});

async function reportOf(call: Call<typeof serverOption>, from: number, to: number): Promise<QualityReport> {
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
