import { fail } from '../../base/errors/fail.ts';
import { numberText } from '../../base/number-text.ts';
import type { SkewReport } from '../../featurestore/skew/skew-report.ts';
import { command } from '../command.ts';
import { withHistory } from '../open/with-stores.ts';
import { option } from '../options/option.ts';
import { instant } from '../options/option-kinds.ts';

const DAY_MS = 86_400_000;

export const auditSkew = command({
  name: ['audit', 'skew'],
  summary:
    'recomputes logged vectors from the history; fails on a logic mismatch, or if more values differ than declared',
  words: '<service>',
  arity: [1, 1],
  options: {
    from: option(instant, 'first instant of served vectors (a day before to)'),
    to: option(instant, 'end, exclusive (now)'),
  },
  async run(call) {
    const { auditSkew: reportOf } = await import('../../featurestore/skew/audit.ts');
    const { checkSkew, mismatchShare } = await import('../../featurestore/skew/skew-schedule.ts');
    await withHistory(call, async ({ services, models }, offline, scratch) => {
      const [name] = call.words;
      const service = services.find((one) => one.name === name);
      if (service === undefined)
        throw fail('SERVICE_UNKNOWN', { service: name, known: services.map((one) => one.name) });
      const { to = Date.now(), from = to - DAY_MS } = call.options;
      const onComputeError = (_: unknown, error: unknown) => call.terminal.err(`headrace: ${String(error)}`);
      const report = await reportOf({ service, models, offline, from, to, scratch, onComputeError });
      call.terminal.out(call.json ? JSON.stringify(report) : reportText(report, mismatchShare(report)));
      checkSkew(report, service.skew?.atMost ?? 1);
    });
  },
});

function reportText(report: SkewReport, differing: number): string {
  const { service, logged, vectors, compared, missing, features, mismatches, models } = report;
  const share = numberText(100 * differing);
  const total = `${service}: ${vectors} of ${logged} logged vectors, ${compared} values, ${share} % differ: lateness ${mismatches.lateness}, staleness ${mismatches.staleness}, logic ${mismatches.logic}${absentText(missing)}`;
  const lines = features
    .filter(({ missing: absent, mismatches: m }) => absent + m.lateness + m.staleness + m.logic > 0)
    .map(
      ({ feature, compared, missing: absent, mismatches: m }) =>
        `  ${feature}: of ${compared}, lateness ${m.lateness}, staleness ${m.staleness}, logic ${m.logic}${absentText(absent)}`,
    );
  const fed = models
    .filter(({ differing: inputs }) => inputs > 0)
    .map(
      (model) =>
        `  model ${model.model}: of ${model.compared} inputs, ${model.differing} differ from its training set: ${model.inputs.map(({ input }) => input).join(', ')}`,
    );
  return [total, ...lines, ...fed].join('\n');
}

function absentText(values: number): string {
  return values === 0 ? '' : `; ${values} had no answer`;
}
