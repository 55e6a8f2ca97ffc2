import { userInfo } from 'node:os';
import { fail } from '../../../base/errors/fail.ts';
import { parseDuration } from '../../../base/time.ts';
import { auditedCommand } from '../../audit.ts';
import type { Command } from '../../command.ts';
import { wholeOption } from '../../parse-option.ts';
import { withAlerts } from '../../with-alerts.ts';

export const alertsAcknowledge: Command = {
  name: ['alerts', 'ack'],
  summary: 'says that somebody works on an incident',
  words: '<incident>',
  arity: [1, 1],
  options: { by: { type: 'string' } },
  help: { by: 'the person that works on it (the user of this machine)' },
  run: (call) =>
    withAlerts(call, async ({ alerts, environment }) => {
      const no = wholeOption('incident', call.words[0], 0, 1, Number.MAX_SAFE_INTEGER);
      const by = String(call.options['by'] ?? userInfo().username);
      const found = await alerts.store.incident(no);
      if (found === null || found.state === 'resolved') throw fail('ALERT_INCIDENT', { no });
      await auditedCommand(environment.directory, 'alerts ack', String(no), () =>
        alerts.book.acknowledge(found.fingerprint, by),
      );
      const changed = await alerts.store.incident(no);
      call.terminal.out(call.json ? JSON.stringify(changed) : `incident ${no} is acknowledged by ${by}`);
    }),
};

export const alertsSilence: Command = {
  name: ['alerts', 'silence'],
  summary: 'keeps incidents of a model, kind or slice quiet for a while; --end ends a silence',
  words: '',
  arity: [0, 0],
  options: {
    model: { type: 'string' },
    kind: { type: 'string' },
    slice: { type: 'string' },
    fingerprint: { type: 'string' },
    for: { type: 'string' },
    reason: { type: 'string' },
    by: { type: 'string' },
    end: { type: 'string' },
  },
  help: {
    model: 'only incidents of this model',
    kind: 'only incidents of this kind, such as dataDrift',
    slice: 'only incidents of this slice',
    fingerprint: 'only this incident, whenever it is opened again',
    for: 'how long, such as 2h',
    reason: 'why, for those who read the list',
    by: 'the person that asks for it (the user of this machine)',
    end: 'the number of a silence to end now',
  },
  run: (call) =>
    withAlerts(call, async ({ alerts, environment }) => {
      const { options, terminal } = call;
      const now = Date.now();
      const { newSilence } = await import('../../../findings/alerts/new-silence.ts');
      if (options['end'] !== undefined) {
        const id = wholeOption('end', options['end'], 0, 1, Number.MAX_SAFE_INTEGER);
        const isEnded = await auditedCommand(environment.directory, 'alerts unsilence', String(id), () =>
          alerts.store.endSilence(id, now),
        );
        if (!isEnded) throw fail('ALERT_SILENCE', { reason: `there is no silence ${id}` });
        return terminal.out(call.json ? JSON.stringify({ ended: id }) : `silence ${id} is ended`);
      }
      const text = (name: string) => (options[name] === undefined ? null : String(options[name]));
      const silence = newSilence({
        model: text('model'),
        kind: text('kind'),
        slice: text('slice'),
        fingerprint: text('fingerprint'),
        from: now,
        until: now + parseDuration(text('for') ?? '', '--for'),
        by: text('by') ?? userInfo().username,
        reason: text('reason') ?? '',
      });
      const kept = await auditedCommand(environment.directory, 'alerts silence', JSON.stringify(silence), () =>
        alerts.store.silence(silence),
      );
      terminal.out(call.json ? JSON.stringify(kept) : `silence ${kept.id} until ${new Date(kept.until).toISOString()}`);
    }),
};

export const alertsRetry: Command = {
  name: ['alerts', 'retry'],
  summary: 'sends messages again that were given up',
  words: '[<sink>]',
  arity: [0, 1],
  options: {},
  help: {},
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
};

export const alertsRules: Command = {
  name: ['alerts', 'rules'],
  summary: 'prints rules for Prometheus: an alert for each model and severity while an incident is open',
  words: '',
  arity: [0, 0],
  options: {},
  help: {},
  run: (call) =>
    withAlerts(call, async ({ project }) => {
      const { alertRules } = await import('../../../findings/alerts/alert-rules.ts');
      const text = alertRules(project);
      call.terminal.out(call.json ? JSON.stringify({ rules: text }) : text.trimEnd());
    }),
};
