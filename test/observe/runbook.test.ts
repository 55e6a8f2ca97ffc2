import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { alertRules } from '../../src/findings/alerts/alert-rules.ts';
import { INCIDENT_KINDS } from '../../src/ports/incident.ts';
import { incidentAlert, runbookLink } from '../../src/ports/runbook.ts';
import { early } from './runbook-model.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Alerts of a file of rules, each with the address of its page. */
function linkedAlerts(rules: string): readonly (readonly [alert: string, link: string])[] {
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)];
  const links = [...rules.matchAll(/runbook_url: ['"]([^'"]*)['"]/g)];
  expect(links).toHaveLength(alerts.length);
  return alerts.map(([, alert = ''], index) => [alert, links[index]?.[1] ?? '']);
}

const deployed = linkedAlerts(readFileSync(`${ROOT}/deploy/prometheus/headrace.rules.yml`, 'utf8'));
const ofProject = linkedAlerts(alertRules(defineProject('shop', { early }), 'https://headrace.example.com/'));
const ofKinds = INCIDENT_KINDS.map(incidentAlert).map((alert) => [alert, runbookLink(alert)] as const);

test('the link of every alert leads to its page in the runbook', () => {
  expect(deployed.length).toBeGreaterThan(30);
  expect(new Set(ofProject.map(([alert]) => alert)).size).toBe(3);
  for (const [alert, link] of [...deployed, ...ofProject, ...ofKinds]) {
    const path = link.replace(/^https:\/\/headrace\.example\.com/, '');
    expect(path).toBe(`/docs/runbook/${alert}.html`);
    expect([alert, existsSync(`${ROOT}${path.replace(/html$/, 'md')}`)]).toEqual([alert, true]);
  }
});

test('every page of the runbook is about an alert, and has its four parts', () => {
  const alerts = new Set([...deployed, ...ofProject, ...ofKinds].map(([alert]) => alert));
  const pages = readdirSync(`${ROOT}/docs/runbook`).filter((name) => name !== 'README.md');
  expect(new Set(pages.map((name) => basename(name, '.md')))).toEqual(alerts);
  for (const page of pages) {
    const text = readFileSync(`${ROOT}/docs/runbook/${page}`, 'utf8');
    expect(text.match(/^#+ .*$/gm)).toEqual([`# ${basename(page, '.md')}`, '## Look', '## Do', '## When it is false']);
    expect(text).toMatch(/<!-- \/alert -->\n\n\w/);
    expect(text).toMatch(/```sh\n/);
  }
});
