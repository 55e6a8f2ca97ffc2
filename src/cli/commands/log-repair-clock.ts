import type { ClockRepair, TopicAhead } from '../../operating/repair-clock.ts';
import { command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { loadConfig } from '../open/load-config.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag } from '../options/option.ts';

export const logRepairClock = command({
  name: ['log', 'repair-clock'],
  summary: 'repairs a log that was written while the clock was ahead',
  words: '',
  arity: [0, 0],
  options: {
    'dry-run': flag('print what would change, and change nothing'),
    accept: flag(
      'the present time of the system is right: processes of the environment follow it; the log stays as it is',
    ),
  },
  async run(call) {
    const { terminal, options, json } = call;
    const { environment } = await loadConfig(call);
    if (options.accept) {
      const { acceptClock } = await import('../../environment/environment-clock.ts');
      const { wall } = await auditedCommand(environment.directory, 'log repair-clock', 'accept', async () =>
        acceptClock(environment.directory),
      );
      const accepted = new Date(wall).toISOString();
      return terminal.out(
        json ? JSON.stringify({ accepted }) : `accepted: it is ${accepted}; servers follow in seconds`,
      );
    }
    await withHeadrace(call, async (headrace) => {
      const { clockAheadOf, repairClockOf } = await import('../../running/repair-clock.ts');
      if (options['dry-run']) {
        const topics = await clockAheadOf(headrace);
        return terminal.out(json ? JSON.stringify({ topics }) : foundText(topics));
      }
      const report = await auditedCommand(headrace.directory, 'log repair-clock', 'log', () => repairClockOf(headrace));
      terminal.out(json ? JSON.stringify(report) : `${foundText(report.topics)}${repairText(report)}`);
    });
  },
});

function foundText(topics: readonly TopicAhead[]): string {
  if (topics.length === 0) return 'no ingest time of the log is ahead';
  return topics
    .map(({ topic, records, largestTs, dropped }) => {
      const until = new Date(largestTs).toISOString();
      return `${topic}: ${records} records have ingest times up to ${until}; ${dropped} events are late by that alone`;
    })
    .join('\n');
}

function repairText({ topics, redelivered, restamped, views }: ClockRepair): string {
  if (topics.length === 0) return '';
  const stamps =
    restamped === null
      ? 'the log is on Kafka, which keeps its ingest times: they are ahead until that time has passed'
      : `${restamped} records have right ingest times now`;
  const tiles = views.length === 0 ? [] : [`tiles computed again: ${views.join(', ')}`];
  return ['', `${redelivered} events were taken again`, stamps, ...tiles].join('\n');
}
