import type { IncidentKind } from './incident.ts';

/** The name of the alert about incidents of a kind: `HeadraceQualityFault`. */
export function incidentAlert(kind: IncidentKind): string {
  return `Headrace${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
}

/** The page of the runbook about an alert, below an address that serves the documentation under `/docs`. */
export function runbookLink(alert: string, address = ''): string {
  return `${address.replace(/\/$/, '')}/docs/runbook/${alert}.html`;
}
