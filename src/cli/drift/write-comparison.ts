import { writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Comparison } from '../../monitoring/detect/comparison.ts';
import type { Call } from '../command.ts';
import type { Option } from '../options/option.ts';

/** Prints a comparison as text or JSON, and writes its page and its snapshot where `--html` and `--evidently` name paths. */
export async function writeComparison(
  call: Call<{ readonly html: Option<string | undefined>; readonly evidently: Option<string | undefined> }>,
  comparison: Comparison,
): Promise<void> {
  const { html, evidently } = call.options;
  if (html !== undefined) {
    const { comparisonHtml } = await import('../../monitoring/report/comparison-html.ts');
    writeText(html, comparisonHtml(comparison));
  }
  if (evidently !== undefined) {
    const { evidentlySnapshot } = await import('../../monitoring/interop/evidently-report.ts');
    writeText(evidently, evidentlySnapshot(comparison, Date.now()));
  }
  if (call.json) {
    const { comparisonJson } = await import('../../monitoring/report/comparison-json.ts');
    call.terminal.out(comparisonJson(comparison));
    return;
  }
  const { comparisonText } = await import('../../monitoring/report/comparison-text.ts');
  call.terminal.out(comparisonText(comparison));
}

/** Writes a file of a user's own. Error: CLI_FILE. */
export function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw fail('CLI_FILE', { path, reason: reasonOf(error) }, error);
  }
}
