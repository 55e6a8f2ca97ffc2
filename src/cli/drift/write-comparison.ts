import type { Comparison } from '../../monitoring/detect/comparison.ts';
import type { Call } from '../command.ts';
import type { Option } from '../options/option.ts';
import { writeReport, writeText } from '../report/write-report.ts';

/** Prints a comparison as text or JSON, and writes its page and its snapshot where `--html` and `--evidently` name paths. */
export async function writeComparison(
  call: Call<{ readonly html: Option<string | undefined>; readonly evidently: Option<string | undefined> }>,
  comparison: Comparison,
): Promise<void> {
  const { html, evidently } = call.options;
  const { comparisonJson } = await import('../../monitoring/report/comparison-json.ts');
  writeReport(html, 'comparison', () => comparisonJson(comparison));
  if (evidently !== undefined) {
    const { evidentlySnapshot } = await import('../../monitoring/interop/evidently-report.ts');
    writeText(evidently, evidentlySnapshot(comparison, Date.now()));
  }
  if (call.json) {
    call.terminal.out(comparisonJson(comparison));
    return;
  }
  const { comparisonText } = await import('../../monitoring/report/comparison-text.ts');
  call.terminal.out(comparisonText(comparison));
}
