import { sampleStatistics } from '../src/monitoring/detect/sample-statistics.ts';

const head = `# Statistics of two samples

\`headrace drift test <reference> <current> --column <name>\` compares one column of two files by these statistics. Without
\`--statistic\` it runs all that fit the column. Values and p are those of scipy 1.17 within 1e-10, where it has the test.

\`\`\`sh
npx headrace drift test last-month.parquet this-week.parquet --column amount
npx headrace drift test last-month.parquet this-week.parquet --column country --statistic chi-square,cramers-v --json
\`\`\`

Missing values are left out, and counted in the answer. A statistic of counts takes every text as a category. Of numbers it
takes the bins between the deciles of the reference. A small p says that the two samples differ, not that the difference
matters: in a million rows every difference is significant. [drift compare](../guide/drift.md) judges effect, evidence and
usual spread together.

Monitors do not take these by name. A monitor of features has a rule (\`default\`, \`psi>0.2\`, \`ks<0.05\`), and one of
concept drift names the [detector](../guide/drift.md) of its losses.

This page is written by \`npm run pages\` from src/monitoring/detect/sample-statistics.ts; do not edit it by hand.
`;

/** The page docs/reference/statistics.md: every statistic of `headrace drift test`. */
export function statisticsPage(): string {
  const lines = Object.entries(sampleStatistics).map(([name, statistic]) => {
    const categories = statistic.of === 'counts' && statistic.categories !== undefined ? ' of 2 categories' : '';
    return `| \`${name}\` | ${statistic.of}${categories} | ${statistic.says} | ${statistic.unit} |`;
  });
  return [head, '| statistic | of | value | unit or range |', '|---|---|---|---|', ...lines, ''].join('\n');
}
