import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import { ownerOf } from '../owner-of.ts';

const SEVERITIES = ['page', 'ticket', 'digest'] as const;

/**
 * A file of Prometheus rules: for each model and severity an alert while an incident is open, and one while nobody watches. They stand
 * on the figures of the parts `alerts` and `monitors`. YAML is written as JSON texts, which are YAML too.
 */
export function alertRules({ name, models }: ProjectData): string {
  const rules = models.flatMap((model) => SEVERITIES.map((severity) => incidentRule(model, severity)));
  const lines = [...rules, watchRule(), deadRule()].flatMap(ruleLines);
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
    alert: 'HeadraceIncident',
    expr: `max by (model, kind, severity) (headrace_incidents_open{model=${quoted(name)}, severity=${quoted(severity)}}) > 0`,
    for: '0s',
    labels: { severity, ...(owner === null ? {} : { owner }) },
    summary: 'Model {{ $labels.model }}: {{ $labels.kind }}. Read it with `headrace alerts list`.',
  };
}

function watchRule(): Rule {
  return {
    alert: 'HeadraceUnwatched',
    expr: 'time() - headrace_monitor_judged_timestamp_seconds > 3 * headrace_monitor_interval_seconds',
    for: '1m',
    labels: { severity: 'ticket' },
    summary: 'No monitor judged for three of its intervals. Start `headrace monitor`.',
  };
}

function deadRule(): Rule {
  return {
    alert: 'HeadraceAlertsUndelivered',
    expr: 'headrace_alert_deliveries{state="dead"} > 0',
    for: '0s',
    labels: { severity: 'ticket' },
    summary: 'Sink {{ $labels.sink }} did not take {{ $value }} messages. Repair it, then run `headrace alerts retry`.',
  };
}

function ruleLines({ alert, expr, for: held, labels, summary }: Rule): readonly string[] {
  return [
    `      - alert: ${alert}`,
    `        expr: ${quoted(expr)}`,
    `        for: ${held}`,
    '        labels:',
    ...Object.entries(labels).map(([name, value]) => `          ${name}: ${quoted(value)}`),
    '        annotations:',
    `          summary: ${quoted(summary)}`,
  ];
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
