import { writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { ReportKind } from '../../report/report-kinds.ts';
import { reportPage } from '../../report/report-page.ts';

/** Writes the page of a report where `--html` names a path. Errors: REPORT_PAGE, CLI_FILE. */
export function writeReport(path: string | undefined, kind: ReportKind, json: () => string): void {
  if (path !== undefined) writeText(path, reportPage(kind, json()));
}

/** Writes a file of a user's own. Error: CLI_FILE. */
export function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw fail('CLI_FILE', { path, reason: reasonOf(error) }, error);
  }
}
