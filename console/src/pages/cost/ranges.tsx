import type { CostPlan } from '../../../../src/cost/plan/plan.ts';
import { costText, durationText, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import css from './cost.module.css';

type Range = CostPlan['total']['costUsd'];

const HOUR_MS = 3_600_000;
const hoursText = (hours: number) => durationText(hours * HOUR_MS);

/** The outcomes that the draws of a plan had: each range against its limit or against today. */
export function Outcomes({ plan: { total, baseline, spot, sweep } }: { readonly plan: CostPlan }) {
  const rows = [
    { name: 'cost of the plan', range: total.costUsd, limit: baseline.costUsd, limitName: 'today', text: costText },
    ...(spot.costUsd === null
      ? []
      : [{ name: 'cost on spot', range: spot.costUsd, limit: baseline.costUsd, limitName: 'today', text: costText }]),
    ...(sweep === null
      ? []
      : [
          {
            name: 'sweep that stops early',
            range: sweep.earlyStoppedUsd,
            limit: sweep.fullUsd,
            limitName: 'every run to its end',
            text: costText,
          },
        ]),
    {
      name: 'time of the plan',
      range: total.hours,
      limit: spot.deadlineHours ?? baseline.hours,
      limitName: spot.deadlineHours === null ? 'today' : 'deadline',
      text: hoursText,
    },
  ];
  return (
    <Panel
      title={`${shareText(total.missedShare)} of ${numberText(total.draws)} draws miss the deadline`}
      note={`Eight of ten outcomes are within the bar, the mark is the median, the line the limit. Most of the spread is from ${total.dominant}.`}
    >
      <Rows
        label="Outcomes"
        rows={rows}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Outcome', cell: ({ name }) => name },
          { title: 'p10', isFigure: true, cell: ({ range, text }) => text(range.p10) },
          { title: 'Median', isFigure: true, cell: ({ range, text }) => text(range.p50) },
          { title: 'p90', isFigure: true, cell: ({ range, text }) => text(range.p90) },
          { title: 'Limit', isFigure: true, cell: ({ limit, limitName, text }) => `${text(limit)}, ${limitName}` },
          { title: '', cell: ({ range, limit }) => <Bar range={range} limit={limit} /> },
        ]}
      />
      <Rows
        label="What the spread is from"
        rows={total.inputs}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Input', cell: ({ name }) => name },
          { title: 'Share of the spread', isFigure: true, cell: ({ share }) => shareText(share) },
        ]}
      />
    </Panel>
  );
}

function Bar({ range: { p10, p50, p90 }, limit }: { readonly range: Range; readonly limit: number }) {
  const most = Math.max(p90, limit) * 1.05;
  const at = (value: number) => (100 * value) / most;
  return (
    <svg className={css.bar} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect className={css.saved} x={at(p10)} y="1" width={Math.max(0.5, at(p90) - at(p10))} height="8" />
      <rect className={css.left} x={at(p50) - 0.5} y="0" width="1" height="10" />
      <rect className={css.limit} x={at(limit) - 0.3} y="0" width="0.6" height="10" />
    </svg>
  );
}
