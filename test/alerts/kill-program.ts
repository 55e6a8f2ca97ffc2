// Opens, resolves and delivers incidents without end, until it is killed. Each line is the last incident whose opening returned.

import { resolveEnvironment } from '../../src/environment/config.ts';
import { openAlerts } from '../../src/site/open-alerts.ts';
import { Site } from '../../src/site/site.ts';
import { incident, project } from './desk.ts';

const [directory, url, from] = process.argv.slice(2);
const environment = resolveEnvironment(
  'local',
  { directory, alerts: { sinks: { hook: { kind: 'webhook', url, rate: { messages: 10_000, per: '1h' } } } } },
  project.name,
);
const alerts = await openAlerts(new Site({ project, environment }));
const name = (i: number) => `fraud/conceptDrift/${i}`;
for (let i = Number(from); ; i += 1) {
  await alerts.book.open(incident({ fingerprint: name(i), at: Date.now() }));
  console.log(i);
  await alerts.deliver();
  if (i % 2 === 0) await alerts.book.resolve(name(i), { at: Date.now(), reason: 'gone' });
}
