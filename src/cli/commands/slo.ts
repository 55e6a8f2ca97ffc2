import { figuresOf, mergeReports, parseReport, type SloReport } from '../../monitoring/slo/slo-report.ts';
import { sloText } from '../../monitoring/slo/slo-text.ts';
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
    const [first = LOCAL_SERVER, ...others] = words;
    const report = mergeReports([await reportOf(first), ...(await Promise.all(others.map(reportOf)))]);
    terminal.out(json ? JSON.stringify(figures(report)) : sloText(report));
  },
};

async function reportOf(server: string): Promise<SloReport> {
  return parseReport(await askServer(server, '/v1/slo'), server);
}

function figures({ project, series }: SloReport) {
  return {
    project,
    budgets: series.map((one) => {
      const { of, name, tier, measure, budgetMs } = one;
      return { of, name, tier, measure, budgetMs, ...figuresOf(one) };
    }),
  };
}
