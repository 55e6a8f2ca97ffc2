import { expect, test } from 'vitest';
import { qualityLines, qualityReport, wholeDays } from '../../src/monitoring/labels/quality-report.ts';
import { RealisedQuality } from '../../src/monitoring/labels/realised-quality.ts';

const DAY_MS = 86_400_000;
const NONE = { versions: [], champion: null };
const START = Date.UTC(2026, 0, 5);

test('a report has each day and version once, and its parts add up to the whole', () => {
  const quality = new RealisedQuality({ task: 'binary', quantile: null });
  for (let i = 0; i < 300; i += 1) {
    const at = START + Math.floor(i / 100) * DAY_MS + i;
    const version = i % 3 === 0 ? 1 : 2;
    quality.predicted({ id: String(i), at, version, score: 0.5 } as never);
    if (i % 2 === 0) quality.judged({ id: String(i), at, version, score: 0.25, label: i % 4 === 0 ? 1 : 0 } as never);
  }
  const report = qualityReport('fraud', quality as never, wholeDays(START + 5, START + 2 * DAY_MS + 5), NONE);
  expect([report.from, report.to]).toEqual([START, START + 3 * DAY_MS]);
  expect(report.whole).toMatchObject({ predictions: 300, labelled: 150, coverage: 0.5 });
  const sum = (parts: readonly { readonly quality: { readonly predictions: number } }[]) =>
    parts.reduce((total, { quality: { predictions } }) => total + predictions, 0);
  expect([sum(report.days), sum(report.versions)]).toEqual([300, 300]);
  expect(report.versions.map(({ version }) => version)).toEqual([1, 2]);
  expect(qualityLines(report).at(-1)).toContain('150 of 300 predictions labelled (50.0 %), 150 pending: auc 0.5,');
  expect(qualityLines(qualityReport('fraud', quality as never, wholeDays(0, 1), NONE))).toEqual([
    'fraud: no predictions; no champion',
  ]);
});
