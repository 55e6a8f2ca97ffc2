import type { CostPlan } from '../../../../src/cost/plan/plan.ts';
import { costText, durationText, NONE, numberText, shareText } from '../../look/format.ts';
import { Facts, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import css from './cost.module.css';
import { CheckpointCurve, OutcomeFan } from './curves.tsx';
import { Outcomes } from './ranges.tsx';

const HOUR_MS = 3_600_000;

type Range = CostPlan['total']['costUsd'];

/** A plan: the bill of today, that of the plan, and each technique with its gain. */
export function Planned({ plan }: { readonly plan: CostPlan }) {
  const { baseline, total, first, waterfall, techniques, spot, prices } = plan;
  return (
    <>
      <Panel title={`${plan.job}: ${costText(baseline.costUsd)} today, ${costText(total.costUsd.p50)} by the plan`}>
        <Facts
          of={[
            ['GPUs', `${plan.gpus} on ${plan.nodes} nodes`],
            ['Today', `${numberText(baseline.hours)} h on ${baseline.offer}`],
            ['Cost by the plan', rangeText(total.costUsd, costText)],
            ['Time by the plan', rangeText(total.hours, (hours) => durationText(hours * HOUR_MS))],
            ['Saving', rangeText(total.saving, shareText)],
            [
              'Prices',
              prices.ageDays === null ? prices.source : `${prices.source}, ${numberText(prices.ageDays)} d old`,
            ],
          ]}
        />
        <p>
          <strong>First:</strong> {first}
        </p>
      </Panel>
      <Outcomes plan={plan} />
      <OutcomeFan plan={plan} />
      <CheckpointCurve plan={plan} />
      <Panel title="The bill, change by change">
        <Waterfall bars={waterfall} today={baseline.costUsd} />
      </Panel>
      <Panel title="Techniques" note="A gain is the cost before by the cost after: 1.25 saves a fifth.">
        <Rows
          label="Techniques"
          rows={techniques}
          keyOf={({ name }) => name}
          columns={[
            {
              title: 'In the plan',
              cell: ({ leftOut }) => (
                <State tone={leftOut === null ? 'good' : 'idle'}>{leftOut === null ? 'yes' : 'no'}</State>
              ),
            },
            { title: 'Technique', cell: ({ title }) => title },
            {
              title: 'Gain alone, p10 to p90',
              isFigure: true,
              cell: ({ alone }) => (alone === null ? NONE : `${numberText(alone.p10)} to ${numberText(alone.p90)}`),
            },
            { title: 'Gain there', isFigure: true, cell: ({ marginal }) => numberText(marginal) },
            { title: 'Confidence', cell: ({ confidence }) => confidence },
            {
              title: 'Precondition',
              isSentence: true,
              cell: ({ precondition: { state, by } }) => `${state}: ${by}`,
            },
            { title: 'Why not', isSentence: true, cell: ({ leftOut }) => leftOut ?? '' },
            {
              title: 'Measure and change',
              isSentence: true,
              cell: ({ measurement, change }) => `${measurement}; ${change}`,
            },
          ]}
        />
      </Panel>
      <Panel title={`Spot: ${spot.state}`} note={spot.reason}>
        <Facts
          of={[
            ['Offer', spot.offer ?? NONE],
            ['Discount', shareText(spot.discount)],
            ['Policy', spot.policy ?? NONE],
            ['Checkpoint every', durationText(spot.checkpointS === null ? null : spot.checkpointS * 1_000)],
            ['Wall time over work', numberText(spot.wallOverWork)],
            ['Cost', spot.costUsd === null ? NONE : rangeText(spot.costUsd, costText)],
            ['Deadline missed', shareText(spot.missedShare)],
          ]}
        />
        {[...plan.profile.notes, ...plan.notes, ...spot.caveats].map((text) => (
          <p key={text} className={css.quiet}>
            {text}
          </p>
        ))}
      </Panel>
    </>
  );
}

function rangeText({ p10, p50, p90 }: Range, text: (value: number) => string): string {
  return `${text(p50)} (${text(p10)} to ${text(p90)})`;
}

/** Each bar starts where the one before it left the bill. */
function Waterfall({ bars, today }: { readonly bars: CostPlan['waterfall']; readonly today: number }) {
  return (
    <Rows
      label="The bill, change by change"
      rows={bars}
      keyOf={({ name }) => name}
      columns={[
        { title: 'After', cell: ({ name }) => name },
        { title: 'Saves', isFigure: true, cell: ({ savedUsd }) => costText(savedUsd) },
        { title: 'Bill', isFigure: true, cell: ({ costUsd }) => costText(costUsd) },
        {
          title: '',
          cell: ({ costUsd, savedUsd }) => (
            <svg className={css.bar} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
              <rect className={css.left} x="0" y="0" width={(100 * costUsd) / today} height="10" />
              <rect
                className={css.saved}
                x={(100 * costUsd) / today}
                y="0"
                width={(100 * Math.max(0, savedUsd)) / today}
                height="10"
              />
            </svg>
          ),
        },
      ]}
    />
  );
}
