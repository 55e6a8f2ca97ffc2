import { writeFileSync } from 'node:fs';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Comparison } from '../monitoring/detect/comparison.ts';
import type { Call } from './command.ts';

/** Prints a comparison as text or JSON, and writes its page and its snapshot where `--html` and `--evidently` name paths. */
export async function writeComparison(call: Call, comparison: Comparison): Promise<void> {
  const path = call.options['html'];
  if (typeof path === 'string') {
    const { comparisonHtml } = await import('../monitoring/report/comparison-html.ts');
    writeText(path, comparisonHtml(comparison));
  }
  const snapshot = call.options['evidently'];
  if (typeof snapshot === 'string') {
    const { evidentlySnapshot } = await import('../monitoring/interop/evidently-report.ts');
    writeText(snapshot, evidentlySnapshot(comparison, Date.now()));
  }
  if (call.json) {
    const { comparisonJson } = await import('../monitoring/report/comparison-json.ts');
    call.terminal.out(comparisonJson(comparison));
    return;
  }
  const { comparisonText } = await import('../monitoring/report/comparison-text.ts');
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
