import { partFigures } from '../src/observe/prometheus.ts';
import type { FigureRow } from '../src/ports/part.ts';
import { partKinds } from '../src/running/parts.ts';
import { workerFigures } from '../src/server/workers/worker-figures.ts';

const head = `# Metrics

\`GET /metrics\` answers Prometheus text: these metrics, and those of the process and of Node that prom-client gives. Every label
takes declared names or the values listed, so that their number is bounded by the declaration. Counts are since the start
of the process. The meaning of each budget is in [budgets](../guide/budgets-and-slos.md).

\`metrics.otlp\` of an [environment](configuration.md) sends them to an OpenTelemetry collector too. Names then have points for
underscores, without \`_total\` of counters and \`_seconds\` of histograms: \`headrace.monitor.state\`, \`headrace.vector.read\`.

This page is written by \`npm run pages\` from the figures of every part in src/running/parts.ts; do not edit it by hand.
`;

/** Every figure that a running project exports. */
export const figureRows: readonly FigureRow[] = [
  ...partKinds.flatMap(({ figures }) => figures),
  ...Object.values(partFigures),
  ...Object.values(workerFigures),
];

/** The page docs/reference/metrics.md: every metric that a running project exports. */
export function metricsPage(): string {
  const lines = figureRows.map(
    ({ name, type, unit, labels, help }) => `| \`${name}\` | ${type} | ${unit} | ${labels.join(', ')} | ${help} |`,
  );
  return [head, '| metric | type | unit | labels | |', '|---|---|---|---|---|', ...lines, ''].join('\n');
}
