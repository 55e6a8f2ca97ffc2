import { INCIDENT_ALERT, watchRules } from '../src/findings/alerts/alert-rules.ts';
import { INCIDENT_KINDS } from '../src/ports/incident.ts';
import type { AlertRow } from '../src/ports/part.ts';
import { incidentAlert } from '../src/ports/runbook.ts';
import { figureGroups } from './deploy-files.ts';
import { withTable, withTables } from './route-tables.ts';

type Row = Pick<AlertRow, 'name' | 'expr' | 'for' | 'severity'>;

/** Alerts of deploy/prometheus/headrace.rules.yml. */
const serverAlerts: readonly Row[] = figureGroups.flatMap(({ figures }) =>
  figures.flatMap(({ alerts = [] }) => alerts),
);

const watchAlerts: readonly (readonly [name: string, table: string])[] = watchRules
  .filter(({ alert }) => !serverAlerts.some(({ name }) => name === alert))
  .map(({ alert, expr, for: held, labels }) => [
    alert,
    ruleTable({ severity: labels['severity'] ?? '', for: held, expr }),
  ]);

const kindAlerts = INCIDENT_KINDS.map((kind) => [incidentAlert(kind), kindTable(kind)] as const);

/** The head of every page of the runbook, and its index. A missing page is an error here. */
export function runbookPages(): Readonly<Record<string, string>> {
  const incident = ruleTable({
    severity: 'that of the incident',
    for: '0s',
    expr: 'max by (model, kind, severity) (headrace_incidents_open) > 0',
  });
  const ofIncidents = [[INCIDENT_ALERT, incident] as const, ...watchAlerts, ...kindAlerts];
  const heads = [...serverAlerts.map((row) => [row.name, ruleTable(row)] as const), ...ofIncidents];
  const pages = heads.map(([name, table]) => {
    const path = pageOf(name);
    return [path, withTable(path, 'alert', table)] as const;
  });
  const index = withTables('docs/runbook/README.md', {
    server: indexTable(
      serverAlerts.map(({ name }) => name),
      new Map(pages),
    ),
    incidents: indexTable(
      ofIncidents.map(([name]) => name),
      new Map(pages),
    ),
  });
  return { ...Object.fromEntries(pages), 'docs/runbook/README.md': index };
}

function pageOf(alert: string): string {
  return `docs/runbook/${alert}.md`;
}

function ruleTable({
  severity,
  for: held,
  expr,
}: Omit<Row, 'name' | 'severity'> & { readonly severity: string }): string {
  return `| severity | after | fires when |\n|---|---|---|\n| ${severity} | ${held} | \`${expr.replaceAll('|', '\\|')}\` |`;
}

function kindTable(kind: string): string {
  return `| incident | alert of Prometheus | links from |\n|---|---|---|\n| \`${kind}\` | \`${INCIDENT_ALERT}\` with \`kind="${kind}"\` | every message about it |`;
}

/** Each alert with the first sentence of its page. */
function indexTable(names: readonly string[], pages: ReadonlyMap<string, string>): string {
  const rows = names.map((name) => {
    const meaning = /<!-- \/alert -->\n\n(.+?\.)(?:\s|$)/s.exec(pages.get(pageOf(name)) ?? '')?.[1] ?? '';
    return `| [${name}](${name}.md) | ${meaning.replaceAll('\n', ' ')} |`;
  });
  return ['| alert | means |', '|---|---|', ...rows].join('\n');
}
