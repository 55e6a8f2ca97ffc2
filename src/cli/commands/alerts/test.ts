import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { fail } from '../../../base/errors/fail.ts';
import type { TestedSink } from '../../../findings/alerts/test-alert.ts';
import { INCIDENT_KINDS } from '../../../ports/incident.ts';
import { command } from '../../command.ts';
import { auditedCommand } from '../../open/audited-command.ts';
import { withAlerts } from '../../open/with-stores.ts';
import { option } from '../../options/option.ts';
import { choice, name, whole } from '../../options/option-kinds.ts';

const ATTEMPTS = 3;
const PAUSE_MS = 1_500;

export const alertsTest = command({
  name: ['alerts', 'test'],
  summary:
    'sends a test on the very path of a real alert: routes, silences, limits and sinks; an error if a sink fails',
  words: '<model>',
  arity: [1, 1],
  options: {
    kind: option(choice(INCIDENT_KINDS), 'kind of the incident', 'conceptDrift'),
    severity: option(choice(['page', 'ticket', 'digest']), 'severity of the incident', 'page'),
    tier: option(whole(0, 4), 'tier of the incident, 0 to 4', 3),
    slice: option(name('a slice'), 'slice of the incident, column=value (the whole model)'),
  },
  run: (call) =>
    withAlerts(call, async ({ alerts, project, environment }) => {
      const { testAlert } = await import('../../../findings/alerts/test-alert.ts');
      const { ownerOf } = await import('../../../findings/owner-of.ts');
      const [named] = call.words;
      const model = project.models.find((one) => one.name === named);
      if (model === undefined)
        throw fail('MODEL_UNKNOWN', { model: named, known: project.models.map((one) => one.name) });
      const { kind, severity, tier, slice = null } = call.options;
      const of = { model: named, kind, severity, tier, slice, owner: ownerOf(model) };
      const tested = await auditedCommand(environment.directory, 'alerts test', named, () =>
        testAlert(
          {
            book: alerts.book,
            store: alerts.store,
            deliver: () => alerts.deliver(),
            pause: () => wait(PAUSE_MS),
          },
          { of, id: randomUUID(), clock: Date.now, attempts: ATTEMPTS },
        ),
      );
      if (call.json) call.terminal.out(JSON.stringify(tested));
      else for (const one of tested) call.terminal.out(lineOf(one));
      const failed = tested.filter(({ outcome }) => outcome === 'failed');
      if (failed.length > 0)
        throw fail('ALERT_TEST', { reason: failed.map(({ sink, reason }) => `${sink}: ${reason}`).join('; ') });
    }),
});

function lineOf({ sink, outcome, reason }: TestedSink): string {
  return `${sink}: ${outcome}${reason === null ? '' : `, ${reason}`}`;
}
