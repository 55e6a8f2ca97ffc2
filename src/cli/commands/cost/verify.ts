import { readFile } from 'node:fs/promises';
import { numberText } from '../../../base/number-text.ts';
import { command } from '../../command.ts';
import { option } from '../../options/option.ts';
import { file } from '../../options/option-kinds.ts';

const CALIBRATION = '.headrace/cost-calibration.jsonl';

export const costVerify = command({
  name: ['cost', 'verify'],
  summary: 'puts the measured result of a job next to the ranges of its plan, and keeps it',
  words: '<plan.json> <result.json>',
  arity: [2, 2],
  options: { calibration: option(file, 'file of all verifications', CALIBRATION) },
  async run({ words: [plan = '', result = ''], options, json, terminal }) {
    const { verifyPlan } = await import('../../../cost/verify/verify-plan.ts');
    const { addToCalibration } = await import('../../../cost/verify/calibration.ts');
    const verification = verifyPlan(await jsonAt(plan), await jsonAt(result), Date.now());
    const coverage = await addToCalibration(options.calibration, verification);
    if (json) {
      terminal.out(JSON.stringify({ ...verification, coverage }));
      return;
    }
    const lines = [
      ...verification.comparisons.map(
        ({ what, measured, p10, p50, p90, inside }) =>
          `${what}: ${measured} measured, ${p50.toFixed(2)} predicted (p10 ${p10.toFixed(2)}, p90 ${p90.toFixed(2)}): ${inside ? 'inside' : 'outside'}`,
      ),
      ...verification.assumptions.map(
        ({ name, predicted, measured, ratio }) =>
          `${name}: ${measured} measured, ${numberText(predicted, 4)} assumed (${ratio.toFixed(2)}×)`,
      ),
      verification.failed === null ? 'no assumption was off by more than 10 %' : `failed: ${verification.failed}`,
      `coverage: ${coverage.inside} of ${coverage.comparisons} numbers of all verified runs (${coverage.runs}) are between p10 and p90; 80 % is right`,
    ];
    terminal.out(lines.join('\n'));
  },
});

async function jsonAt(path: string): Promise<unknown> {
  const { fail } = await import('../../../base/errors/fail.ts');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fail(
      'COST_FILE',
      { path, reason: error instanceof Error ? (error.message.split(',')[0] ?? '') : 'unknown' },
      error,
    );
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('COST_VERIFY', { name: path, reason: 'it is not whole JSON' }, error);
  }
}
