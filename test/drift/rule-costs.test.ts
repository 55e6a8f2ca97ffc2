import { expect, test } from 'vitest';
import { model } from '../../src/features/define/declare.ts';
import type { MonitorOptions } from '../../src/features/define/monitor.ts';
import { ruleCosts, ruleCostText } from '../../src/monitoring/monitor/rule-costs.ts';
import { asked, came, service } from '../models/small-project.ts';

const withMonitors = (monitors: readonly MonitorOptions<'number'>[]) =>
  model('watched', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
    train: { with: { kind: 'logisticRegression' } },
    monitors,
  });

test('a plan prices each declared rule: KS by its level, PSI by the rows of a window, the default not at all', () => {
  expect(ruleCosts([withMonitors([]), withMonitors([{ kind: 'featureDrift' }])])).toEqual([]);
  const [ks, psi] = ruleCosts([
    withMonitors([
      { kind: 'featureDrift', rule: 'ks<0.05' },
      { kind: 'predictionDrift', rule: 'psi>0.2', window: '1d' },
    ]),
  ]);
  expect(ks).toMatchObject({ features: service.features.length, windowsPerDay: 24, costs: [{ rows: null }] });
  expect(ks.costs[0].perDay).toBeCloseTo(service.features.length * 24 * 0.05, 10);
  // χ² with 9.2 degrees of freedom beyond 17.7: half a count in each bin, and the logarithm, move both.
  expect(psi.costs.map(({ rows }) => rows)).toEqual([100, 300, 1000, 10_000]);
  expect(psi.costs[0].perDay).toBeCloseTo(0.0454, 4);
  expect(psi.costs[1].perDay).toBeLessThan(1e-6);
  expect(ruleCostText(psi)).toMatch(
    /^predictionDrift of watched, rule psi>0\.2, 1 feature, 1 windows a day: without drift at 100 rows/,
  );
});
