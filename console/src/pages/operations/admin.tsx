import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { answer, client } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Fault } from '../../look/fault.tsx';
import { bytesText, numberText } from '../../look/format.ts';
import { Empty, Panel, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';

/** These change by commands and calls of other people: they are read again this often while they are seen, ms. */
const EVERY_MS = 15_000;

/** Keys, audit log and backups, for those who may see them. */
export function Admin() {
  if (!useMay('admin'))
    return (
      <Panel title="Keys, audit log, backups">
        <Empty>A key with the scope admin sees them.</Empty>
      </Panel>
    );
  return (
    <>
      <Keys />
      <Backups />
      <Audit />
    </>
  );
}

function useRead<T>(path: string, read: () => Promise<T>) {
  return useQuery({ queryKey: [path], queryFn: read, refetchInterval: EVERY_MS, placeholderData: (before) => before });
}

/** What was read, or why it could not be. */
function Shown<T>(props: {
  readonly of: { readonly data: T | undefined; readonly error: Error | null };
  readonly children: (value: T) => ReactNode;
}) {
  const { data, error } = props.of;
  if (error !== null) return <Fault error={error} />;
  return data === undefined ? <Skeleton /> : props.children(data);
}

function Keys() {
  const read = useRead('/v1/admin/keys', () => answer(client.GET('/v1/admin/keys')));
  return (
    <Panel title="Keys and their scopes" note="A key is made and revoked on the machine of the server.">
      <Shown of={read}>
        {({ keys }) =>
          keys.length === 0 ? (
            <Empty command="npx headrace keys create <name> --scopes read">
              There is no key: only this machine is answered.
            </Empty>
          ) : (
            <Rows
              label="Keys"
              rows={keys}
              keyOf={({ id }) => id}
              columns={[
                {
                  title: 'State',
                  cell: ({ revokedAt }) => (
                    <State tone={revokedAt === null ? 'good' : 'idle'}>
                      {revokedAt === null ? 'valid' : 'revoked'}
                    </State>
                  ),
                },
                { title: 'Name', cell: ({ name }) => name },
                { title: 'Key', cell: ({ id }) => <code>{id}</code> },
                { title: 'Scopes', cell: ({ scopes }) => scopes.join(', ') },
                { title: 'Made', cell: ({ createdAt }) => <Time at={createdAt} /> },
                { title: 'Revoked', cell: ({ revokedAt }) => <Time at={revokedAt} /> },
              ]}
            />
          )
        }
      </Shown>
    </Panel>
  );
}

function Audit() {
  const read = useRead('/v1/admin/audit', () => answer(client.GET('/v1/admin/audit')));
  return (
    <Panel title="Audit log" note="The newest administrative calls, whatever came of them.">
      <Shown of={read}>
        {({ lines }) =>
          lines.length === 0 ? (
            <Empty>No administrative call was made.</Empty>
          ) : (
            <Rows
              label="Audit log"
              rows={lines.map((line, no) => ({ ...line, no }))}
              keyOf={({ no }) => `${no}`}
              columns={[
                { title: 'At', cell: ({ at }) => <Time at={Date.parse(at)} /> },
                { title: 'By', cell: ({ who }) => who },
                { title: 'Call', cell: ({ what }) => what },
                { title: 'Of', isSentence: true, cell: ({ target }) => target },
                {
                  title: 'Outcome',
                  cell: ({ outcome }) => <State tone={outcome === 'done' ? 'good' : 'bad'}>{outcome}</State>,
                },
              ]}
            />
          )
        }
      </Shown>
    </Panel>
  );
}

function Backups() {
  const read = useRead('/v1/admin/backups', () => answer(client.GET('/v1/admin/backups')));
  return (
    <Panel title="Backups">
      <Shown of={read}>
        {({ backups }) =>
          backups.length === 0 ? (
            <Empty command="npx headrace backup <folder>">No backup was made. The server may run meanwhile:</Empty>
          ) : (
            <Rows
              label="Backups"
              rows={backups}
              keyOf={({ folder }) => folder}
              columns={[
                {
                  title: 'State',
                  cell: ({ madeAt }) => (
                    <State tone={madeAt === null ? 'warn' : 'good'}>{madeAt === null ? 'not there' : 'there'}</State>
                  ),
                },
                { title: 'Folder', cell: ({ folder }) => <code>{folder}</code> },
                { title: 'Made', cell: ({ madeAt }) => <Time at={madeAt} /> },
                { title: 'Files', isFigure: true, cell: ({ files }) => numberText(files) },
                { title: 'Size', isFigure: true, cell: ({ bytes }) => bytesText(bytes) },
              ]}
            />
          )
        }
      </Shown>
    </Panel>
  );
}
