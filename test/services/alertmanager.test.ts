// @module-tag deep

import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { model } from '../../src/features/define/declare.ts';
import { defineProject } from '../../src/features/define/project.ts';
import { alertRules } from '../../src/findings/alerts/alert-rules.ts';
import { incident, openDesk } from '../alerts/desk.ts';
import { asked, came, service } from '../models/small-project.ts';
import { addressOf } from './addresses.ts';
import { until } from './until.ts';

interface GettableAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** Alerts that Alertmanager holds as active, of one cause. */
async function activeAlerts(cause: string): Promise<readonly GettableAlert[]> {
  const url = `${addressOf('ALERTMANAGER_URL')[0]}/api/v2/alerts?filter=${encodeURIComponent(`cause="${cause}"`)}`;
  const alerts = (await (await fetch(url)).json()) as readonly GettableAlert[];
  return alerts.filter(({ endsAt }) => Date.parse(endsAt) > Date.now());
}

test('a real Alertmanager holds an open incident, one alert at a time, until it is resolved', async () => {
  const sinks = { am: { kind: 'alertmanager' as const, url: addressOf('ALERTMANAGER_URL')[0] } };
  const desk = await openDesk({ sinks }, undefined, Date.now());
  const opened = incident({ model: `fraud${Date.now()}`, at: Date.now() });
  const states = () => activeAlerts(opened.fingerprint).then((all) => all.map(({ labels }) => labels['severity']));
  await desk.alerts.book.open(opened);
  expect(await desk.after(0)).toBe(1);
  await until(async () => (await states()).join() === 'page');
  expect((await activeAlerts(opened.fingerprint))[0].labels).toMatchObject({
    alertname: 'HeadraceConceptDrift',
    owner: 'fraud-team',
  });
  desk.now = Date.now();
  await desk.alerts.book.update(opened.fingerprint, { at: desk.now, evidence: {}, severity: 'ticket' });
  expect(await desk.after(0)).toBe(1);
  await until(async () => (await states()).join() === 'ticket');
  desk.now = Date.now();
  await desk.alerts.book.resolve(opened.fingerprint, { at: desk.now, reason: 'gone' });
  expect(await desk.after(0)).toBe(1);
  await until(async () => (await states()).length === 0);
  expect(await desk.alerts.store.unsettled()).toEqual([]);
  await desk.alerts.close();
});

test('promtool of Prometheus accepts our rules', async () => {
  const fraud = model('fraud', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
    train: { with: { kind: 'logisticRegression' } },
  });
  const file = join(mkdtempSync(join(tmpdir(), 'headrace-rules-')), 'rules.yml');
  writeFileSync(file, alertRules(defineProject('shop', { asked, came, service, fraud })));
  const deployed = fileURLToPath(new URL('../../deploy/prometheus/headrace.rules.yml', import.meta.url));
  for (const path of [file, deployed]) {
    const { stdout } = await promisify(execFile)(addressOf('PROMTOOL')[0], ['check', 'rules', path]);
    expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
  }
});
