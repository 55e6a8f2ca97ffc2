import { plainComparison } from './comparison-json.ts';
import type { WindowReport } from './window-report.ts';

/** A window as JSON text. */
export function windowJson(report: WindowReport): string {
  const { comparison } = report;
  return JSON.stringify({ ...report, comparison: comparison === null ? null : plainComparison(comparison) });
}
