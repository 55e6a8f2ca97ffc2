import type { SloReport } from '../../observe/slo-report.ts';
import { command } from '../command.ts';
import { askEach, LOCAL_SERVER } from '../link/ask-server.ts';
import { openServer } from '../link/server-link.ts';

export const slo = command({
  name: ['slo'],
  summary: 'compares each declared budget with the measurements of running servers',
  words: `[<server>…]`,
  arity: [0, 100],
  async run(call) {
    const { words, json, terminal } = call;
    const { figuresOf, mergeReports, parseReport } = await import('../../observe/slo-report.ts');
    const { sloText } = await import('../../observe/slo-text.ts');
    const reportsOf = async (server: string) =>
      (await askEach(server, '/v1/slo')).map((text) => parseReport(text, server));
    const open = words.length === 0 ? await openServer(call) : null;
    const servers = words.length === 0 ? [LOCAL_SERVER] : words;
    const [first, ...others] =
      open === null
        ? (await Promise.all(servers.map(reportsOf))).flat()
        : [parseReport(await open.ask('GET', '/v1/slo'), open.name)];
    const report = mergeReports([first, ...others]);
    const processes = 1 + others.length;
    terminal.out(json ? JSON.stringify(figures(report, processes, figuresOf)) : sloText(report, processes));
  },
});

function figures(
  { project, series }: SloReport,
  processes: number,
  figuresOf: (one: SloReport['series'][number]) => object,
) {
  return {
    project,
    processes,
    budgets: series.map((one) => {
      const { of, name, tier, measure, budgetMs } = one;
      return { of, name, tier, measure, budgetMs, ...figuresOf(one) };
    }),
  };
}
