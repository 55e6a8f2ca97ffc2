import { DroppedReport } from '../../look/dropped-report.tsx';
import { durationText, NONE, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';
import { rungsOf, type SweepOutcome } from './rungs.ts';

/** Trials that are drawn: the best ones of the longest rung first. */
const MOST_LINES = 12;

/** The rungs of a sweep: how many trials reached each, and what they cost. */
export function Sweep() {
  return (
    <Panel title="Sweep rungs" note="Short trials of many settings; only the best of a rung train on to the next.">
      <DroppedReport<SweepOutcome> command="npx headrace sweep run sweep.json --json > outcome.json" has="results">
        {(outcome) => <Shown outcome={outcome} />}
      </DroppedReport>
    </Panel>
  );
}

function Shown({ outcome: { results, trained, inFull, best } }: { readonly outcome: SweepOutcome }) {
  const rungs = rungsOf(results);
  const steps = rungs.map(({ to }) => to);
  return (
    <>
      <p>
        {numberText(trained)} steps were trained; all trials in full would have taken {numberText(inFull)}:{' '}
        {shareText(trained / Math.max(1, inFull))} of it.
        {best !== null && ` The best is trial ${best.trial}, with a loss of ${numberText(best.loss)}.`}
      </p>
      <Rows
        label="Rungs"
        rows={rungs}
        keyOf={({ to }) => `${to}`}
        columns={[
          { title: 'Steps', isFigure: true, cell: ({ to }) => numberText(to) },
          { title: 'Trials', isFigure: true, cell: ({ trials }) => numberText(trials) },
          { title: 'Failed', isFigure: true, cell: ({ failed }) => numberText(failed) },
          { title: 'Went on', isFigure: true, cell: ({ promoted }) => numberText(promoted) },
          { title: 'Best loss', isFigure: true, cell: (rung) => numberText(rung.best) },
          { title: 'Median', isFigure: true, cell: ({ median }) => numberText(median) },
          {
            title: 'Time',
            isFigure: true,
            cell: ({ seconds }) => (seconds === 0 ? NONE : durationText(seconds * 1_000)),
          },
        ]}
      />
      {steps.length > 1 && (
        <SeriesChart
          label={`The loss of the ${MOST_LINES} trials that went furthest, by their steps`}
          x={steps}
          isTime={false}
          xUnit="steps"
          unit=""
          series={furthest(results).map((trial) => ({
            name: `trial ${trial}`,
            values: steps.map((to) => results.find((one) => one.trial === trial && one.to === to)?.loss ?? null),
          }))}
        />
      )}
    </>
  );
}

/** The trials that trained longest, those with the least loss first. */
function furthest(results: SweepOutcome['results']): readonly number[] {
  const order = results.toSorted((a, b) => b.to - a.to || (a.loss ?? Infinity) - (b.loss ?? Infinity));
  return [...new Set(order.map(({ trial }) => trial))].slice(0, MOST_LINES);
}
