import { useProject } from '../../app/project.ts';
import { countText, durationText } from '../../look/format.ts';
import { Empty, Facts, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { columnHistory, type Revision } from './column-history.ts';

const OF = { events: 'events', changes: 'changes of rows', scores: 'scores of a stream' } as const;

/** The columns of a source, and how they changed within its version. */
export function SourceSchema({ source }: { readonly source: string }) {
  const { data } = useProject();
  const found = data?.sources.find(({ name }) => name === source);
  const views = data?.views.filter(({ reads }) => reads.includes(source)) ?? [];
  if (found === undefined) return null;
  const { version, of, latenessMs, futureSkewMs, columns } = found;
  return (
    <Panel title={`Schema of ${source}: ${countText(columns.length, 'column')}`}>
      <Facts
        of={[
          ['Version', `${version}`],
          ['Brings', OF[of]],
          ['Lateness accepted', durationText(latenessMs)],
          ['Ahead of its arrival', `${durationText(futureSkewMs)} at most`],
          ['Read by views', views.map(({ name }) => name).join(', ') || 'none'],
        ]}
      />
      <Rows
        label="Columns"
        rows={columns}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Column', cell: ({ name }) => name },
          { title: 'Type', cell: ({ type }) => type },
          { title: 'Unit', cell: ({ unit }) => unit ?? '–' },
        ]}
      />
      <h3>Changes</h3>
      <Changes revisions={columnHistory(found)} />
    </Panel>
  );
}

function Changes({ revisions }: { readonly revisions: readonly Revision[] }) {
  if (revisions.length === 0)
    return (
      <Empty command="npx headrace plan">
        The columns are as they were declared first. Before a change, see its effect:
      </Empty>
    );
  return (
    <Rows
      label="Changes of the schema"
      rows={revisions}
      keyOf={({ no, column }) => `${no} ${column}`}
      columns={[
        { title: 'Revision', isFigure: true, cell: ({ no }) => no },
        {
          title: 'Change',
          cell: ({ kind }) => (
            <State tone={kind === 'added' ? 'good' : kind === 'removed' ? 'bad' : 'warn'}>{kind}</State>
          ),
        },
        { title: 'Column', cell: ({ column }) => column },
        { title: 'Before', cell: ({ before }) => before ?? '–' },
        { title: 'After', cell: ({ after }) => after ?? '–' },
      ]}
    />
  );
}
