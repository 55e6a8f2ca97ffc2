import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import { runbookLink } from '../../ports/runbook.ts';
import { ownerOf } from '../owner-of.ts';

/** The alert of every model that has an open incident. */
export const INCIDENT_ALERT = 'HeadraceIncident';

const SEVERITIES = ['page', 'ticket', 'digest'] as const;

/**
 * A file of Prometheus rules: for each model and severity an alert while an incident is open, and one while nobody watches. They stand
 * on the figures of the parts `alerts` and `monitors`. `link` is the address of the server, before the page of the runbook. YAML is written as JSON texts, which are YAML too.
 */
export function alertRules({ name, models }: ProjectData, link = ''): string {
  const rules = models.flatMap((model) => SEVERITIES.map((severity) => incidentRule(model, severity)));
  const lines = [...rules, ...watchRules].flatMap((rule) => ruleLines(rule, link));
  return ['groups:', `  - name: ${quoted(`headrace-incidents-${name}`)}`, '    rules:', ...lines, ''].join('\n');
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
}

function incidentRule(model: ModelData, severity: (typeof SEVERITIES)[number]): Rule {
  const { name } = model;
  const owner = ownerOf(model);
  return {
    alert: INCIDENT_ALERT,
    expr: `max by (model, kind, severity) (headrace_incidents_open{model=${quoted(name)}, severity=${quoted(severity)}}) > 0`,
    for: '0s',
    labels: { severity, ...(owner === null ? {} : { owner }) },
    summary: 'Model {{ $labels.model }}: {{ $labels.kind }}. Read it with `headrace alerts list`.',
  };
}

/** Alerts while nobody watches, or nobody learns of it. */
export const watchRules: readonly Rule[] = [
  {
    alert: 'HeadraceUnwatched',
    expr: 'time() - headrace_monitor_judged_timestamp_seconds > 3 * headrace_monitor_interval_seconds',
    for: '1m',
    labels: { severity: 'ticket' },
    summary: 'No monitor judged for three of its intervals. Start `headrace monitor`.',
  },
  {
    alert: 'HeadraceAlertsUndelivered',
    expr: 'headrace_alert_deliveries{state="dead"} > 0',
    for: '0s',
    labels: { severity: 'ticket' },
    summary: 'Sink {{ $labels.sink }} did not take {{ $value }} messages. Repair it, then run `headrace alerts retry`.',
  },
];

function ruleLines({ alert, expr, for: held, labels, summary }: Rule, link: string): readonly string[] {
  return [
    `      - alert: ${alert}`,
    `        expr: ${quoted(expr)}`,
    `        for: ${held}`,
    '        labels:',
    ...Object.entries(labels).map(([name, value]) => `          ${name}: ${quoted(value)}`),
    '        annotations:',
    `          summary: ${quoted(summary)}`,
    `          runbook_url: ${quoted(runbookLink(alert, link))}`,
  ];
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
