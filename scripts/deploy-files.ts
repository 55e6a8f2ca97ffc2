import { partFigures } from '../src/observe/prometheus.ts';
import type { FigureRow } from '../src/ports/part.ts';
import { runbookLink } from '../src/ports/runbook.ts';
import { partKinds } from '../src/running/parts.ts';
import { workerFigures } from '../src/server/workers/worker-figures.ts';

interface Group {
  readonly title: string;
  readonly figures: readonly FigureRow[];
}

export const figureGroups: readonly Group[] = [
  { title: 'parts', figures: Object.values(partFigures) },
  ...partKinds.map(({ name, figures }) => ({ title: name, figures })).filter(({ figures }) => figures.length > 0),
  { title: 'workers', figures: Object.values(workerFigures) },
];

const written = 'Written by `npm run pages` from the figures of every part; do not edit it by hand.';

/** Prometheus alert rules: one group a part, one rule for each alert that a figure declares. */
export function alertRules(): string {
  const lines = figureGroups.flatMap(({ title, figures }) => {
    const alerts = figures.flatMap((figure) => figure.alerts ?? []);
    if (alerts.length === 0) return [];
    const rules = alerts.flatMap((alert) => [
      `      - alert: ${alert.name}`,
      `        expr: ${quoted(alert.expr)}`,
      `        for: ${alert.for}`,
      '        labels:',
      `          severity: ${alert.severity}`,
      '        annotations:',
      `          summary: ${quoted(alert.summary)}`,
      `          runbook_url: ${quoted(runbookLink(alert.name))}`,
    ]);
    return [`  - name: headrace-${title}`, '    rules:', ...rules];
  });
  return [`# ${written}`, 'groups:', ...lines, ''].join('\n');
}

/** A YAML text in single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const PANEL_WIDTH = 8;
const PANEL_HEIGHT = 7;
const PANELS_A_ROW = 24 / PANEL_WIDTH;

/** Units of figures as Grafana names them; others are shown as plain numbers. */
const grafanaUnits: Readonly<Record<string, string>> = { s: 's', bytes: 'bytes', ratio: 'none', '0 or 1': 'bool' };

/** A Grafana dashboard: one row a part, one panel a figure. */
export function dashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const { title, figures } of figureGroups) {
    panels.push({ id: panels.length + 1, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    figures.forEach((figure, i) => {
      const x = (i % PANELS_A_ROW) * PANEL_WIDTH;
      const top = y + Math.floor(i / PANELS_A_ROW) * PANEL_HEIGHT;
      panels.push({ id: panels.length + 1, ...panel(figure), gridPos: { x, y: top, w: PANEL_WIDTH, h: PANEL_HEIGHT } });
    });
    y += Math.ceil(figures.length / PANELS_A_ROW) * PANEL_HEIGHT;
  }
  const source = { name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' };
  const board = {
    uid: 'headrace',
    title: 'Headrace',
    description: written,
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [source] },
    panels,
  };
  return `${JSON.stringify(board, null, 2)}\n`;
}

function panel({ name, type, unit, labels, help }: FigureRow): object {
  const by = labels.join(', ');
  const legendFormat = labels.map((label) => `{{${label}}}`).join(' ') || name;
  const shown = type === 'counter' ? `suffix: ${unit}/s` : (grafanaUnits[unit] ?? 'none');
  const queries: readonly (readonly [expr: string, legend: string])[] =
    type === 'histogram'
      ? [0.5, 0.99].map((share) => [
          `histogram_quantile(${share}, sum by (${['le', ...labels].join(', ')}) (rate(${name}_bucket[$__rate_interval])))`,
          `p${share * 100} ${legendFormat}`,
        ])
      : [[type === 'counter' ? `sum by (${by}) (rate(${name}[$__rate_interval]))` : name, legendFormat]];
  return {
    type: 'timeseries',
    title: name.replace(/^headrace_/, '').replaceAll('_', ' '),
    description: help,
    datasource: { type: 'prometheus', uid: `$${'{source}'}` },
    fieldConfig: { defaults: { unit: shown }, overrides: [] },
    targets: queries.map(([expr, legend], i) => ({ refId: 'AB'[i], expr, legendFormat: legend })),
  };
}
