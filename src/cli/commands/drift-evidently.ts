import { readFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { command } from '../command.ts';

export const driftEvidently = command({
  name: ['drift', 'evidently'],
  summary: 'reads the drift of columns from a JSON report of Evidently 0.7',
  words: '<report.json>',
  arity: [1, 1],
  async run(call) {
    const { readEvidentlyReport } = await import('../../monitoring/interop/evidently-report.ts');
    const [path] = call.words;
    const columns = readEvidentlyReport(textOf(path));
    if (call.json) return call.terminal.out(JSON.stringify(columns));
    for (const { column, method, threshold, value, drifted } of columns) {
      const state = drifted === null ? 'unknown' : drifted ? 'drift' : 'ok';
      call.terminal.out(
        `${column.padEnd(24)} ${state.padEnd(8)} ${value?.toPrecision(4) ?? '–'} (${method}, threshold ${threshold ?? '–'})`,
      );
    }
  },
});

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('CLI_FILE', { path, reason: reasonOf(error) }, error);
  }
}
