import type { CostPlan } from '../../../../src/cost/plan/plan.ts';
import { durationText, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';

const HOUR_MS = 3_600_000;

/** Every outcome of the draws in order, against the deadline: where the line is above it, the deadline is missed. */
export function OutcomeFan({ plan: { total, spot, baseline } }: { readonly plan: CostPlan }) {
  // A plan of an older version has no fan.
  const fan = total.fan as CostPlan['total']['fan'] | undefined;
  if (fan === undefined) return null;
  const deadline = spot.deadlineHours ?? baseline.hours;
  const shares = fan.hours.map((_, i) => (100 * i) / (fan.hours.length - 1));
  return (
    <Panel
      title={`${shareText(total.missedShare)} of the outcomes end after ${durationText(deadline * HOUR_MS)}`}
      note="The draws in the order of their time: each is one possible run, with its own speed, prices and losses of instances."
    >
      <SeriesChart
        label="Hours of the draws in order, against the deadline"
        x={shares}
        isTime={false}
        xUnit="% of draws"
        unit="h"
        series={[
          { name: 'the plan', values: fan.hours },
          ...(spot.fan == null ? [] : [{ name: 'on spot', values: spot.fan.hours }]),
          {
            name: spot.deadlineHours === null ? 'today' : 'deadline',
            values: shares.map(() => deadline),
            isLimit: true,
          },
        ]}
      />
      <SeriesChart
        label="Cost of the draws in order, against the bill of today"
        x={shares}
        isTime={false}
        xUnit="% of draws"
        unit="USD"
        series={[
          { name: 'the plan', values: fan.costUsd },
          ...(spot.fan == null ? [] : [{ name: 'on spot', values: spot.fan.costUsd }]),
          { name: 'today', values: shares.map(() => baseline.costUsd), isLimit: true },
        ]}
      />
    </Panel>
  );
}

/** What an interval between checkpoints costs: too often blocks the work, too rarely loses it. */
export function CheckpointCurve({ plan: { spot } }: { readonly plan: CostPlan }) {
  const { checkpointS, wallOverWork } = spot;
  if (spot.checkpoint == null || checkpointS === null) return null;
  const { costs, curve } = spot.checkpoint;
  return (
    <Panel
      title={`A checkpoint every ${durationText(checkpointS * 1_000)} costs least: ${numberText(wallOverWork)} s for each second of work`}
      note={`A checkpoint blocks for ${durationText(costs.blockedS * 1_000)}, instances are lost every ${durationText(costs.mtbfS * 1_000)}, and a restart takes ${durationText(costs.restartS * 1_000)}.`}
    >
      <SeriesChart
        label="Wall time for each second of work, by the interval between checkpoints"
        x={curve.map(({ intervalS }) => intervalS / 60)}
        isTime={false}
        xUnit="min"
        unit="×"
        series={[
          { name: 'wall time over work', values: curve.map((point) => point.wallOverWork) },
          { name: 'least', values: curve.map(() => wallOverWork), isLimit: true },
        ]}
      />
    </Panel>
  );
}
