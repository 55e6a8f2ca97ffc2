import { fail } from '../../base/errors/fail.ts';
import type { SkewReport } from '../../featurestore/skew/audit.ts';
import type { Command } from '../command.ts';
import { instantOption } from '../parse-option.ts';
import { withHeadrace } from '../with-headrace.ts';

const DAY_MS = 86_400_000;

export const auditSkew: Command = {
  name: ['audit', 'skew'],
  summary: 'recomputes logged vectors from the history; fails on a mismatch of logic',
  words: '<service>',
  arity: [1, 1],
  options: { from: { type: 'string' }, to: { type: 'string' } },
  help: { from: 'vectors served from here on (a day before to)', to: 'end, exclusive (now)' },
  async run(call) {
    await withHeadrace(call, async (headrace) => {
      const service = headrace.service(call.words[0]);
      const to = instantOption('to', call.options['to']) ?? Date.now();
      const report = await headrace.auditSkew(service, instantOption('from', call.options['from']) ?? to - DAY_MS, to);
      call.terminal.out(call.json ? JSON.stringify(report) : reportText(report));
      const { logic } = report.mismatches;
      if (logic > 0) throw fail('SKEW_LOGIC', { service: service.name, logic, vectors: report.vectors });
    });
  },
};

function reportText({ service, vectors, features, mismatches }: SkewReport): string {
  const total = `${service}: ${vectors} vectors; mismatches: lateness ${mismatches.lateness}, staleness ${mismatches.staleness}, logic ${mismatches.logic}`;
  const lines = features
    .filter(({ mismatches: { lateness, staleness, logic } }) => lateness + staleness + logic > 0)
    .map(
      ({ feature, compared, mismatches: m }) =>
        `  ${feature}: of ${compared}, lateness ${m.lateness}, staleness ${m.staleness}, logic ${m.logic}`,
    );
  return [total, ...lines].join('\n');
}
