import type { SloReport } from '../../monitoring/slo/slo-report.ts';
import { askServer, LOCAL_SERVER } from '../ask-server.ts';
import type { Command } from '../command.ts';

export const slo: Command = {
  name: ['slo'],
  summary: 'every declared budget, and what running servers measured against it',
  words: `[<server>…]`,
  arity: [0, 100],
  options: {},
  help: {},
  async run({ words, json, terminal }) {
    const { figuresOf, mergeReports, parseReport } = await import('../../monitoring/slo/slo-report.ts');
    const { sloText } = await import('../../monitoring/slo/slo-text.ts');
    const reportOf = async (server: string) => parseReport(await askServer(server, '/v1/slo'), server);
    const [first = LOCAL_SERVER, ...others] = words;
    const report = mergeReports([await reportOf(first), ...(await Promise.all(others.map(reportOf)))]);
    terminal.out(json ? JSON.stringify(figures(report, figuresOf)) : sloText(report));
  },
};

function figures({ project, series }: SloReport, figuresOf: (one: SloReport['series'][number]) => object) {
  return {
    project,
    budgets: series.map((one) => {
      const { of, name, tier, measure, budgetMs } = one;
      return { of, name, tier, measure, budgetMs, ...figuresOf(one) };
    }),
  };
}
