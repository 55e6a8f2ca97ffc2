import { useLive } from '../../api/live.ts';
import { numberText, wordsText } from '../../look/format.ts';
import { Empty, Panel, Panels } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';
import { State } from '../../look/state.tsx';
import type { Rollout } from './page.tsx';

type Numbers = Rollout['verdict']['numbers'];

/** The evidence that the newest decision saw, and how its band closed over time. */
export function Evidence({ rollout }: { readonly rollout: Rollout }) {
  const seen = newestNumbers(rollout);
  return (
    <Panels>
      <Panel
        title="The difference of the loss, over time"
        note="The band is valid at any number of looks. Below zero the candidate is better; above the margin it is worse."
      >
        <Band rollout={rollout} />
      </Panel>
      <Panel
        title="Guardrails"
        note="The evidence e says how much likelier a worse candidate makes what was seen. At the limit it trips."
      >
        {seen === null || seen.readings.length === 0 ? (
          <Empty>No request has been judged yet.</Empty>
        ) : (
          <Readings readings={seen.readings} />
        )}
      </Panel>
    </Panels>
  );
}

/** The numbers of now; after the end those of the last decision that had some. */
function newestNumbers({ verdict, events }: Rollout): Numbers | null {
  if (verdict.numbers.readings.length > 0) return verdict.numbers;
  return events.toReversed().find(({ numbers }) => (numbers?.readings.length ?? 0) > 0)?.numbers ?? null;
}

function Readings({ readings }: Pick<Numbers, 'readings'>) {
  return (
    <Rows
      label="Guardrails"
      rows={readings}
      keyOf={({ guardrail }) => guardrail}
      columns={[
        {
          title: 'State',
          cell: ({ tripped, suspected = false }) => (
            <State tone={tripped ? 'bad' : suspected ? 'warn' : 'good'}>
              {tripped ? 'tripped' : suspected ? 'suspected' : 'within'}
            </State>
          ),
        },
        { title: 'Guardrail', cell: ({ guardrail }) => wordsText(guardrail) },
        { title: 'Evidence e', isFigure: true, cell: ({ numbers }) => numberText(numbers['e']) },
        { title: 'Limit', isFigure: true, cell: ({ numbers }) => numberText(numbers['limit']) },
        { title: 'Numbers', isSentence: true, cell: ({ says }) => says },
      ]}
    />
  );
}

function Band({ rollout: { events, verdict } }: { readonly rollout: Rollout }) {
  const looks = events.flatMap(({ at, numbers }) => {
    const band = bandOf(numbers);
    return band === null ? [] : [{ at, ...band }];
  });
  const now = bandOf(verdict.numbers);
  const at = useLive('/v1/status').value?.at;
  const all = now === null || at === undefined ? looks : [...looks, { at, ...now }];
  const says =
    verdict.numbers.success?.says ?? events.findLast(({ numbers }) => numbers?.success != null)?.numbers?.success?.says;
  if (all.length === 0) return <Empty>Labels of both cohorts are needed for the band. The guardrails need none.</Empty>;
  return (
    <>
      <SeriesChart
        label={says ?? 'The band of the difference'}
        x={all.map(({ at }) => at / 1_000)}
        unit=""
        series={[
          { name: 'upper end', values: all.map(({ high }) => high) },
          { name: 'lower end', values: all.map(({ low }) => low) },
          { name: 'margin', values: all.map(({ margin }) => margin), isLimit: true },
          { name: 'no difference', values: all.map(() => 0) },
        ]}
      />
      <p>{says}</p>
    </>
  );
}

/** The ends of the interval of the cohorts; while they have too few labels, those of the shadow's pairs. */
function bandOf(numbers: Numbers | null): { low: number; high: number; margin: number | null } | null {
  const found = numbers?.success?.numbers;
  if (found === undefined || found === null) return null;
  const low = found['low'] ?? found['pairsLow'];
  const high = found['high'] ?? found['pairsHigh'];
  if (low == null || high == null) return null;
  return { low, high, margin: found['margin'] ?? found['pairsMargin'] ?? null };
}
