import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import { builtFolder } from '../environment/own-version.ts';
import type { ReportKind } from './report-kinds.ts';

/** The place in the built page where a report stands. The build keeps it there once. */
const PLACE = '<script type="application/json" id="report"></script>';

/** The built pages that were read, by their folders, each as the text before the place and the text after it. */
const shells = new Map<string, readonly [string, string]>();

/**
 * The page of a report: the pages of the console in one file, with the JSON of the command in it. It loads nothing. `folder` has the
 * built page. Error: REPORT_PAGE.
 */
export function reportPage(kind: ReportKind, json: string, folder = builtFolder('report-page')): string {
  const shell = shells.get(folder) ?? readShell(folder);
  shells.set(folder, shell);
  const [before, after] = shell;
  // In JSON the sign stands in texts alone, and there its escape is the same text: no text ends the element.
  const data = json.trim().replaceAll('<', '\\u003c');
  return `${before}<script type="application/json" id="report" data-kind="${kind}">${data}</script>${after}`;
}

function readShell(folder: string): readonly [string, string] {
  let page: string;
  try {
    page = readFileSync(join(folder, 'report.html'), 'utf8');
  } catch (error) {
    throw fail('REPORT_PAGE', { reason: 'it is not built' }, error);
  }
  const parts = page.split(PLACE);
  if (parts.length !== 2) throw fail('REPORT_PAGE', { reason: 'the built page has no place for a report' });
  return [parts[0] ?? '', parts[1] ?? ''];
}
