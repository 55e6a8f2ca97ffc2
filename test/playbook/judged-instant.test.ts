import { expect, onTestFinished, test } from 'vitest';
import { DAY_MS, HOUR_MS, PlaybookDesk } from './playbook-desk.ts';

test('an observation has the instant of its findings, and a decision the instant when it was made', async () => {
  const desk = await new PlaybookDesk({ owner: 'risk', retrain: { perMonth: 3 } }).start();
  onTestFinished(() => desk.close());
  desk.now += 30 * DAY_MS;
  desk.findings = { drift: true };
  const judgedAt = desk.now - HOUR_MS;
  await desk.playbook.step({ at: judgedAt, wait: true });
  const entries = await desk.entries();
  const instants = (kind: string) => [...new Set(entries.filter((one) => one.kind === kind).map(({ at }) => at))];
  expect(instants('observed')).toEqual([judgedAt]);
  expect(instants('decided')[0]).toBe(desk.now);
  expect((await desk.replayed()).different).toEqual([]);
});
