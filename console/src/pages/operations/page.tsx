import { base } from '../../api/base.ts';
import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useSession } from '../../app/session.tsx';
import { bytesText, numberText, shareText } from '../../look/format.ts';
import { Empty, Facts, Live, Page as PageFrame, Panel, Panels } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { Admin } from './admin.tsx';
import { Jobs } from './jobs.tsx';

type Status = LiveAnswer<'/v1/status'>;

/** Whether stores, memory and jobs hold. */
export function Page() {
  const status = useLive('/v1/status');
  const alerts = useLive('/v1/alerts');
  return (
    <PageFrame title="Operations" finding={status.value === null ? undefined : findingOf(status.value)}>
      <Panels>
        <Panel title="Memory by part">
          <Live reading={status}>{(value) => <Memory status={value} />}</Live>
        </Panel>
        <Panel title="Disk by part">
          <Live reading={status}>{(value) => <Disk status={value} />}</Live>
        </Panel>
        <Panel title="Faults of stores">
          <Live reading={status}>{(value) => <Faults status={value} />}</Live>
        </Panel>
        <Panel title="Messages that no sink accepted">
          <Live reading={alerts}>{(value) => <Undelivered alerts={value} />}</Live>
        </Panel>
        <Panel title="Jobs">
          <Jobs />
        </Panel>
        <Panel title="This session">
          <Who />
        </Panel>
      </Panels>
      <Admin />
    </PageFrame>
  );
}

function findingOf({ ready, waiting, degraded, stores }: Status): string {
  const faults = stores?.faults ?? [];
  if (!ready) return `Not ready: ${waiting.join('; ')}.`;
  if (faults.length > 0) return `${numberText(faults.length)} methods of stores fail: ${faults[0]?.message}.`;
  return degraded.length === 0 ? 'Stores, memory and disk hold.' : degraded.join('; ');
}

function partRows(of: Readonly<Record<string, number>>) {
  return Object.entries(of)
    .map(([name, bytes]) => ({ name, bytes }))
    .toSorted((a, b) => b.bytes - a.bytes);
}

function Memory({ status: { memory } }: { readonly status: Status }) {
  if (memory === undefined) return <Empty>This process only reads.</Empty>;
  return (
    <>
      <Facts of={[['Budget', bytesText(memory.budgetBytes)]]} />
      <Rows
        label="Memory by part"
        rows={partRows(memory.parts)}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Part', cell: ({ name }) => name },
          { title: 'Holds', isFigure: true, cell: ({ bytes }) => bytesText(bytes) },
          { title: 'Of the budget', isFigure: true, cell: ({ bytes }) => shareText(bytes / memory.budgetBytes) },
        ]}
      />
      <Rows
        label="Queues"
        rows={memory.queues}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Queue', cell: ({ name }) => name },
          { title: 'Holds', isFigure: true, cell: ({ bytes }) => bytesText(bytes) },
          { title: 'At most', isFigure: true, cell: ({ mostBytes }) => bytesText(mostBytes) },
          { title: 'Turned away', isFigure: true, cell: ({ turnedAway }) => numberText(turnedAway) },
        ]}
      />
    </>
  );
}

function Disk({ status: { disk } }: { readonly status: Status }) {
  if (disk === undefined) return <Empty>This process only reads.</Empty>;
  return (
    <>
      <Facts
        of={[
          ['Kept', bytesText(disk.keptBytes)],
          ['Budget', disk.bytes === null ? 'none declared' : bytesText(disk.bytes)],
        ]}
      />
      <Rows
        label="Disk by part"
        rows={partRows(disk.kept)}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Part', cell: ({ name }) => name },
          { title: 'Holds', isFigure: true, cell: ({ bytes }) => bytesText(bytes) },
        ]}
      />
    </>
  );
}

function Faults({ status: { stores } }: { readonly status: Status }) {
  const faults = stores?.faults ?? [];
  if (faults.length === 0) return <State tone="good">Every store answers.</State>;
  return (
    <Rows
      label="Faults of stores"
      rows={faults}
      keyOf={({ store, method }) => `${store} ${method}`}
      columns={[
        { title: 'Store', cell: ({ store, method }) => `${store}, ${method}` },
        { title: 'Error', cell: ({ code }) => <code>{code}</code> },
        { title: 'Do', isSentence: true, cell: ({ hint }) => hint },
        { title: 'Since', cell: ({ since }) => <Time at={since} /> },
        { title: 'Failures', isFigure: true, cell: ({ failures }) => numberText(failures) },
      ]}
    />
  );
}

function Undelivered({ alerts: { undelivered, silences } }: { readonly alerts: LiveAnswer<'/v1/alerts'> }) {
  return (
    <>
      {undelivered.length === 0 ? (
        <State tone="good">Every message was accepted.</State>
      ) : (
        <Rows
          label="Messages"
          rows={undelivered}
          keyOf={({ incident, sink }) => `${incident} ${sink}`}
          columns={[
            { title: 'Incident', isFigure: true, cell: ({ incident }) => incident },
            { title: 'Sink', cell: ({ sink }) => sink },
            { title: 'State', cell: ({ state }) => <State tone={state === 'dead' ? 'bad' : 'warn'}>{state}</State> },
            { title: 'Error', cell: ({ error }) => error ?? '' },
          ]}
        />
      )}
      {silences.map(({ id, reason, by, until }) => (
        <p key={id}>
          Silence {id} by {by} until <Time at={until} />: {reason}
        </p>
      ))}
    </>
  );
}

function Who() {
  const session = useSession();
  return (
    <>
      <Facts
        of={[
          ['Caller', session?.key ?? 'this machine, which needs no key'],
          ['Scopes', session?.scopes.join(', ') ?? ''],
        ]}
      />
      <p>
        The same data as text: <a href={`${base}/metrics`}>metrics</a>, <a href={`${base}/openapi.json`}>OpenAPI</a>,{' '}
        <a href={`${base}/v1/status`}>status</a>.
      </p>
    </>
  );
}
