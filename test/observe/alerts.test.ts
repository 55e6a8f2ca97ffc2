import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { alertRules, dashboard } from '../../scripts/deploy-files.ts';
import { figureRows } from '../../scripts/metrics-page.ts';

const names = figureRows.flatMap(({ name, type }) =>
  type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
);
const used = (text: string) => [...new Set(text.match(/headrace_\w+/g))];

test('an alert holds the name of its figure, and its own name once', () => {
  const alerts = figureRows.flatMap(({ name, alerts: own = [] }) => own.map(({ expr }) => ({ figure: name, expr })));
  expect(alerts.filter(({ figure, expr }) => !used(expr).includes(figure))).toEqual([]);
  const alertNames = figureRows.flatMap(({ alerts: own = [] }) => own.map((alert) => alert.name));
  expect(alertNames).toEqual([...new Set(alertNames)]);
  expect(alertRules().match(/- alert: /g)).toHaveLength(alertNames.length);
});

test('rules, their unit tests and the dashboard use figures that exist, by labels that they have', () => {
  const unitTests = readFileSync(new URL('../../deploy/prometheus/headrace.test.yml', import.meta.url), 'utf8');
  for (const text of [alertRules(), unitTests, dashboard()]) {
    expect(used(text).filter((name) => !names.includes(name))).toEqual([]);
  }
  const panels = (JSON.parse(dashboard()) as { panels: { id: number; type: string }[] }).panels;
  expect(panels.filter(({ type }) => type === 'timeseries')).toHaveLength(figureRows.length);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { name, labels, alerts = [] } of figureRows)
    for (const { summary } of alerts)
      for (const [, label = ''] of summary.matchAll(/\$labels\.(\w+)/g))
        expect([name, labels]).toEqual([name, expect.arrayContaining([label])]);
});
