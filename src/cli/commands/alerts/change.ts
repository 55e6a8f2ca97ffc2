import { userInfo } from 'node:os';
import { fail } from '../../../base/errors/fail.ts';
import { command } from '../../command.ts';
import { auditedCommand } from '../../open/audited-command.ts';
import { withAlerts } from '../../open/with-stores.ts';
import { option, parseValue } from '../../options/option.ts';
import { duration, name, text, whole } from '../../options/option-kinds.ts';

const person = name('the name of a person');

export const alertsAcknowledge = command({
  name: ['alerts', 'ack'],
  summary: 'says that somebody works on an incident',
  words: '<incident>',
  arity: [1, 1],
  options: { by: option(person, 'the person that works on it (the user of this machine)') },
  run: (call) =>
    withAlerts(call, async ({ alerts, environment }) => {
      const no = parseValue('incident', whole(1), call.words[0]);
      const { by = userInfo().username } = call.options;
      const found = await alerts.store.incident(no);
      if (found === null || found.state === 'resolved') throw fail('ALERT_INCIDENT', { no });
      await auditedCommand(environment.directory, 'alerts ack', String(no), () =>
        alerts.book.acknowledge(found.fingerprint, by),
      );
      const changed = await alerts.store.incident(no);
      call.terminal.out(call.json ? JSON.stringify(changed) : `incident ${no} is acknowledged by ${by}`);
    }),
});

export const alertsSilence = command({
  name: ['alerts', 'silence'],
  summary: 'keeps incidents of a model, kind or slice quiet for a while; --end ends a silence',
  words: '',
  arity: [0, 0],
  options: {
    model: option(name('the name of a model'), 'only incidents of this model'),
    kind: option(name('the kind of an incident'), 'only incidents of this kind, such as dataDrift'),
    slice: option(name('a slice'), 'only incidents of this slice'),
    fingerprint: option(name('the fingerprint of an incident'), 'only this incident, whenever it is opened again'),
    for: option(duration, 'how long, such as 2h'),
    reason: option(text, 'why, for those who read the list'),
    by: option(person, 'the person that asks for it (the user of this machine)'),
    end: option(whole(1), 'the number of a silence to end now'),
  },
  run: (call) =>
    withAlerts(call, async ({ alerts, environment }) => {
      const { terminal } = call;
      const { end: id, for: forMs, ...asked } = call.options;
      const now = Date.now();
      const { newSilence } = await import('../../../findings/alerts/new-silence.ts');
      if (id !== undefined) {
        const isEnded = await auditedCommand(environment.directory, 'alerts unsilence', String(id), () =>
          alerts.store.endSilence(id, now),
        );
        if (!isEnded) throw fail('ALERT_SILENCE', { reason: `there is no silence ${id}` });
        return terminal.out(call.json ? JSON.stringify({ ended: id }) : `silence ${id} is ended`);
      }
      if (forMs === undefined) throw fail('CLI_VALUE', { option: 'for', value: '', wanted: duration.wanted });
      const silence = newSilence({
        model: asked.model ?? null,
        kind: asked.kind ?? null,
        slice: asked.slice ?? null,
        fingerprint: asked.fingerprint ?? null,
        from: now,
        until: now + forMs,
        by: asked.by ?? userInfo().username,
        reason: asked.reason ?? '',
      });
      const kept = await auditedCommand(environment.directory, 'alerts silence', JSON.stringify(silence), () =>
        alerts.store.silence(silence),
      );
      terminal.out(call.json ? JSON.stringify(kept) : `silence ${kept.id} until ${new Date(kept.until).toISOString()}`);
    }),
});

export const alertsRetry = command({
  name: ['alerts', 'retry'],
  summary: 'sends messages again that were given up',
  words: '[<sink>]',
  arity: [0, 1],
  run: (call) =>
    withAlerts(call, async ({ alerts, environment }) => {
      const [sink] = call.words;
      if (sink !== undefined && !alerts.sinks.includes(sink)) throw fail('ALERT_SINK', { sink, known: alerts.sinks });
      const again = await auditedCommand(environment.directory, 'alerts retry', sink ?? 'all', () =>
        alerts.store.retry(sink ?? null, Date.now()),
      );
      const accepted = await alerts.deliver();
      call.terminal.out(
        call.json ? JSON.stringify({ again, accepted }) : `${again} messages are sent again, ${accepted} were accepted`,
      );
    }),
});

export const alertsRules = command({
  name: ['alerts', 'rules'],
  summary: 'prints rules for Prometheus: an alert for each model and severity while an incident is open',
  words: '',
  arity: [0, 0],
  run: (call) =>
    withAlerts(call, async ({ project, environment }) => {
      const { alertRules } = await import('../../../findings/alerts/alert-rules.ts');
      const text = alertRules(project, environment.alerts.link);
      call.terminal.out(call.json ? JSON.stringify({ rules: text }) : text.trimEnd());
    }),
});
