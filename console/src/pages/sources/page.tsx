import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { durationText, numberText } from '../../look/format.ts';
import { Empty, Live, Page as PageFrame, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Arrivals } from './arrivals.tsx';
import { SourceSchema } from './schema.tsx';

type Sources = NonNullable<LiveAnswer<'/v1/status'>['sources']>;

/** Whether the events arrive, and which are refused. */
export function Page() {
  const status = useLive('/v1/status');
  const [{ source }, change] = useAddress();
  const sources = status.value?.sources ?? [];
  const chosen = source ?? sources[0]?.source;
  return (
    <PageFrame title="Sources" finding={status.value === null ? undefined : findingOf(sources)}>
      <Panel title="Events since the start of the process">
        <Live reading={status}>
          {() =>
            sources.length === 0 ? (
              <Empty command="npx headrace ingest <source> events.ndjson">
                The project has no source, or this process only reads.
              </Empty>
            ) : (
              <Counts sources={sources} chosen={chosen ?? null} onChoose={(name) => change({ source: name })} />
            )
          }
        </Live>
      </Panel>
      {chosen !== undefined && <Arrivals source={chosen} />}
      {chosen !== undefined && <SourceSchema source={chosen} />}
    </PageFrame>
  );
}

function findingOf(sources: Sources): string {
  const bad = sources.filter((one) => one.refused + one.quarantined + one.late > 0);
  if (sources.every(({ accepted }) => accepted === 0)) return 'No event came since the start of the process.';
  if (bad.length === 0) return 'Every event that came counts.';
  return bad
    .map((one) => `${one.source}: ${numberText(one.refused + one.quarantined)} refused, ${numberText(one.late)} late`)
    .join('. ');
}

function Counts(props: {
  readonly sources: Sources;
  readonly chosen: string | null;
  readonly onChoose: (name: string) => void;
}) {
  const { sources, chosen, onChoose } = props;
  return (
    <Rows
      label="Events by source"
      rows={sources}
      keyOf={({ source }) => source}
      chosen={chosen}
      columns={[
        {
          title: 'Source',
          cell: ({ source }) => (
            <button type="button" data-kind="plain" aria-pressed={source === chosen} onClick={() => onChoose(source)}>
              {source}
            </button>
          ),
        },
        { title: 'Accepted', isFigure: true, cell: ({ accepted }) => numberText(accepted) },
        { title: 'Duplicate', isFigure: true, cell: ({ duplicate }) => numberText(duplicate) },
        { title: 'Late', isFigure: true, cell: ({ late }) => numberText(late) },
        { title: 'Refused', isFigure: true, cell: ({ refused }) => numberText(refused) },
        { title: 'Quarantined', isFigure: true, cell: ({ quarantined }) => numberText(quarantined) },
        { title: 'Lateness p50', isFigure: true, cell: ({ latenessP50Ms }) => durationText(latenessP50Ms) },
        { title: 'p99', isFigure: true, cell: ({ latenessP99Ms }) => durationText(latenessP99Ms) },
        {
          title: 'State',
          cell: ({ refused, quarantined, late }) => (
            <State tone={refused + quarantined > 0 ? 'bad' : late > 0 ? 'warn' : 'good'}>
              {refused + quarantined > 0 ? 'refuses' : late > 0 ? 'late events' : 'all count'}
            </State>
          ),
        },
      ]}
    />
  );
}
