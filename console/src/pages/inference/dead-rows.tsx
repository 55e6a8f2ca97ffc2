import { useQuery } from '@tanstack/react-query';
import { answer, client, type Schema } from '../../api/client.ts';
import { Fault } from '../../look/fault.tsx';
import { numberText } from '../../look/format.ts';
import { Empty, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';

/** Rows that a batch has given up: which row, why, the file that keeps it, and how to run it again. */
export function DeadRows(props: { readonly job: string; readonly model: string; readonly count: number }) {
  const { job, model, count } = props;
  const { data, error } = useQuery({
    // Read again when another row is given up.
    queryKey: ['/v1/admin/dead-rows', job, count],
    placeholderData: (before) => before,
    queryFn: () => answer(client.GET('/v1/admin/dead-rows/{id}', { params: { path: { id: job } } })),
  });
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  return (
    <section>
      <h3>Rows that the batch of {model} gave up</h3>
      {data.rows.length > 0 && <Listed label={`Dead rows of ${job}`} rows={data.rows} />}
      {data.more && <p>{numberText(count - data.rows.length)} more are in the files.</p>}
      <Empty command={`npx headrace predict ${model} --from corrected.parquet --to scores`}>
        The other rows are scored. Correct these rows in a file of their own, and score that file:
      </Empty>
    </section>
  );
}

function Listed({ label, rows }: { readonly label: string; readonly rows: Schema<'DeadRows'>['rows'] }) {
  return (
    <Rows
      label={label}
      rows={rows}
      keyOf={({ file, row }) => `${file} ${row}`}
      columns={[
        { title: 'Row of the input', isFigure: true, cell: ({ row }) => numberText(row) },
        { title: 'Code', cell: ({ code }) => <code>{code}</code> },
        { title: 'Reason', isSentence: true, cell: ({ reason }) => reason },
        { title: 'Features', isSentence: true, cell: ({ features }) => <code>{featuresText(features)}</code> },
        { title: 'Kept in', cell: ({ file }) => <code>{file}</code> },
      ]}
    />
  );
}

function featuresText(features: Readonly<Record<string, unknown>>): string {
  return Object.entries(features)
    .map(([name, value]) => `${name}=${value === null ? 'missing' : value}`)
    .join(' ');
}
