import { expect, test } from 'vitest';
import { mergeMetrics } from '../../src/server/workers/merge-metrics.ts';

test('metrics of several processes are distinguished by their worker, and described once', () => {
  const text = (value: number) =>
    `# HELP a_total A\n# TYPE a_total counter\na_total{x="1",y="} 2"} ${value}\na_total 0.5\n`;
  expect(
    mergeMetrics(
      new Map([
        ['one', text(1)],
        ['two', text(2)],
      ]),
    ),
  ).toBe(
    [
      '# HELP a_total A',
      '# TYPE a_total counter',
      'a_total{worker="one",x="1",y="} 2"} 1',
      'a_total{worker="one"} 0.5',
      'a_total{worker="two",x="1",y="} 2"} 2',
      'a_total{worker="two"} 0.5',
      '',
    ].join('\n'),
  );
});
