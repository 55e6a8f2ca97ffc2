import { numberText, shareText } from '../../look/format.ts';
import { Facts } from '../../look/page.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';
import { State } from '../../look/state.tsx';
import css from './drift.module.css';
import type { Window } from './window.ts';

/** How fast labels come, and the quality that is estimated before they are there. */
export function Labels({ window: { coverage, estimate, slices } }: { readonly window: Window }) {
  const metrics = Object.entries(estimate.metrics ?? {});
  return (
    <>
      <Facts
        of={[
          ['Predictions', numberText(coverage.predictions)],
          ['With a label', shareText(coverage.labelled / Math.max(1, coverage.predictions))],
          ['Loss, realised', numberText(slices?.loss)],
        ]}
      />
      {coverage.curve.length > 1 && (
        <SeriesChart
          label="Share of predictions with a label, by the time since the prediction"
          x={coverage.curve.map(({ afterMs }) => afterMs / 3_600_000)}
          isTime={false}
          xUnit="h"
          unit="%"
          height={150}
          series={[{ name: 'labelled', values: coverage.curve.map((point) => 100 * point.coverage) }]}
        />
      )}
      <h3>
        Estimated before the labels{' '}
        <State tone={estimate.trust.state === 'estimate' ? 'good' : 'warn'}>
          {estimate.trust.state === 'estimate' ? 'can be trusted' : 'cannot tell'}
        </State>
      </h3>
      {estimate.trust.reasons.length > 0 && <p className={css.quiet}>{estimate.trust.reasons.join('; ')}</p>}
      <Facts of={metrics.slice(0, 6).map(([name, value]) => [name, numberText(value)] as const)} />
    </>
  );
}
