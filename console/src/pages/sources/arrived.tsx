import type { FeatureReport } from '../../app/use-feature-report.ts';
import { countText, durationText, numberText, shareText } from '../../look/format.ts';
import { Empty, Panel, Panels } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';
import { Time } from '../../look/time.tsx';
import css from './sources.module.css';

type Source = FeatureReport['sources'][number];

/** What came of a source in the span of a report: refused events, volume, lateness. */
export function Arrived({ source }: { readonly source: Source }) {
  return (
    <>
      <Panel title={refusedTitle(source)} note="The newest event of each rule and column, as it came.">
        <Refused source={source} />
      </Panel>
      <Panels>
        <Panel title="Volume by hour" note="The usual is the median of the same hour of the past four weeks.">
          <Volume source={source} />
        </Panel>
        <Panel title="How late events came" note={latenessNote(source)}>
          <Lateness source={source} />
        </Panel>
      </Panels>
    </>
  );
}

function refusedTitle({ source, quarantined }: Source): string {
  const events = quarantined.reduce((sum, one) => sum + one.events, 0);
  return events === 0 ? `No event of ${source} was refused` : `${countText(events, 'event')} of ${source} refused`;
}

function Refused({ source: { quarantined } }: { readonly source: Source }) {
  if (quarantined.length === 0) return <Empty>Every event had the declared columns.</Empty>;
  return (
    <Rows
      label="Refused events"
      rows={quarantined}
      keyOf={({ code, column }) => `${code} ${column}`}
      columns={[
        { title: 'Rule', cell: ({ code }) => <code>{code}</code> },
        { title: 'Column', cell: ({ column }) => column ?? 'the event' },
        { title: 'Events', isFigure: true, cell: ({ events }) => numberText(events) },
        { title: 'Newest', cell: ({ at }) => <Time at={at} /> },
        { title: 'Why', isSentence: true, cell: ({ reason }) => reason },
        {
          title: 'Sample',
          isSentence: true,
          cell: ({ sample }) => (
            <details>
              <summary>{sample.slice(0, 40)}</summary>
              <pre className={css.sample}>{sample}</pre>
            </details>
          ),
        },
      ]}
    />
  );
}

function Volume({ source: { source, volume } }: { readonly source: Source }) {
  const { hours, deliveries } = volume;
  if (deliveries === 0) return <Empty command={`npx headrace ingest ${source} events.ndjson`}>No event came.</Empty>;
  const odd = hours.filter(({ verdict }) => verdict !== null);
  return (
    <>
      <SeriesChart
        label={`${numberText(deliveries)} events of ${source} by hour of arrival`}
        x={hours.map(({ hour }) => hour / 1_000)}
        unit=""
        series={[
          { name: 'events per hour', values: hours.map((hour) => hour.deliveries) },
          { name: 'usual', values: hours.map(({ usual }) => usual), isLimit: true },
        ]}
      />
      {odd.map(({ hour, verdict, deliveries: came, usual }) => (
        <p key={hour}>
          <Time at={hour} />: {verdict} of the usual, {numberText(came)} events instead of {numberText(usual)}.
        </p>
      ))}
    </>
  );
}

function latenessNote({ lateness: { p50Ms, p99Ms, mostMs, tooLate } }: Source): string {
  return `From the time of an event to its arrival: p50 ${durationText(p50Ms)}, p99 ${durationText(p99Ms)}, at most ${durationText(mostMs)}. Too late to count: ${numberText(tooLate)}.`;
}

function Lateness({ source: { lateness } }: { readonly source: Source }) {
  const all = lateness.bins.reduce((sum, { deliveries }) => sum + deliveries, 0);
  if (all === 0) return <Empty>No event came.</Empty>;
  return (
    <Rows
      label="Lateness"
      rows={lateness.bins}
      keyOf={({ atMostMs }) => `${atMostMs}`}
      columns={[
        {
          title: 'At most',
          isFigure: true,
          cell: ({ atMostMs }) => (atMostMs === null ? 'later' : durationText(atMostMs)),
        },
        { title: 'Events', isFigure: true, cell: ({ deliveries }) => numberText(deliveries) },
        { title: 'Share', isFigure: true, cell: ({ deliveries }) => shareText(deliveries / all) },
        {
          title: '',
          cell: ({ deliveries }) => (
            <meter className={css.meter} aria-label="share of the events" min={0} max={all} value={deliveries} />
          ),
        },
      ]}
    />
  );
}
