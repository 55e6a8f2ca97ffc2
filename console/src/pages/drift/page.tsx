import { useQuery } from '@tanstack/react-query';
import { answer, client } from '../../api/client.ts';
import { useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { ModelChoice, useChosenModel } from '../../app/chosen-model.tsx';
import { Choice } from '../../look/choice.tsx';
import { Fault } from '../../look/fault.tsx';
import { Empty, Live, Page as PageFrame, Skeleton } from '../../look/page.tsx';
import { Time } from '../../look/time.tsx';
import { Incidents } from './incidents.tsx';
import { JudgedWindow } from './judged-window.tsx';
import { PlaybookLog } from './playbook.tsx';
import { QualityPanel } from './quality.tsx';
import { kindText, type Window } from './window.ts';

const DAY_MS = 86_400_000;

/** Whether a model sees other data than it was trained on, and what answers it. */
export function Page() {
  const model = useChosenModel();
  return (
    <PageFrame title="Drift" controls={<Controls />} finding={model !== null && <Finding model={model} />}>
      {model === null ? (
        <Empty command="npx headrace init">The project declares no model.</Empty>
      ) : (
        <>
          <Incidents model={model} />
          <Judged model={model} />
          <PlaybookLog model={model} />
        </>
      )}
    </PageFrame>
  );
}

/** The windows of the champion; a model without one has none. */
function Judged({ model }: { readonly model: string }) {
  const isServed = useIsServed(model);
  if (isServed === undefined) return <Skeleton />;
  if (isServed) return <Report model={model} />;
  return (
    <Empty command={`npx headrace train ${model} --promote`}>No version answers yet, so nothing is watched:</Empty>
  );
}

/** Whether a model may have a champion: the server says what it does not know. Undefined: not read yet. */
function useIsServed(model: string): boolean | undefined {
  return useLive('/v1/models').value?.every((one) => one.model !== model || one.champion !== null);
}

function Controls() {
  const [{ days = '1' }, change] = useAddress();
  return (
    <>
      <ModelChoice />
      <Choice
        label="Window"
        value={days}
        of={[
          ['1', '1 day'],
          ['7', '7 days'],
          ['30', '30 days'],
        ]}
        onChange={(value) => change({ days: value })}
      />
    </>
  );
}

/** The window of the address, until the newest instant of the server. */
function useWindow(model: string) {
  const [{ days = '1' }] = useAddress();
  const now = useLive('/v1/status').value?.at;
  const isServed = useIsServed(model);
  // A window moves by whole minutes: the server reads the history for each.
  const to = now === undefined ? undefined : now - (now % 60_000);
  return useQuery({
    queryKey: ['/v1/drift', model, days, to === undefined ? 'unknown' : Math.floor(to / 300_000)],
    enabled: to !== undefined && isServed === true,
    placeholderData: (before) => before,
    queryFn: async () => {
      const end = to ?? 0;
      const query = { from: `${end - Number(days) * DAY_MS}`, to: `${end}` };
      const found = await answer(client.GET('/v1/drift/{model}', { params: { path: { model }, query } }));
      return found as Window;
    },
  });
}

function Finding({ model }: { readonly model: string }) {
  const { data, error } = useWindow(model);
  if (useIsServed(model) === false || error !== null) return null;
  if (data === undefined) return <>Reading the newest window…</>;
  const bad = data.series.filter(({ state }) => state === 'drift' || state === 'fault');
  const faults = data.comparison?.features.filter(({ state }) => state === 'drift') ?? [];
  if (bad.length === 0 && faults.length === 0) return <>No monitor of {model} reports drift in this window.</>;
  if (bad.length === 0)
    return (
      <>
        {faults.length} features moved ({faults.map(({ name }) => name).join(', ')}), but no monitor reports drift yet.
      </>
    );
  return <>{bad.map(({ monitor, reason }) => `${kindText(monitor.kind)}: ${reason}`).join('. ')}</>;
}

function Report({ model }: { readonly model: string }) {
  const { data, error, isPlaceholderData } = useWindow(model);
  const [address, change] = useAddress();
  const drift = useLive('/v1/drift');
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  return (
    <JudgedWindow
      window={data}
      quality={<QualityPanel window={data} />}
      feature={address['feature']}
      onFeature={(feature) => change({ feature })}
      note={
        <>
          Version {data.modelVersion}, <Time at={data.from} /> to <Time at={data.to} />
          {isPlaceholderData && ' (reading a newer window)'}.{' '}
          <Live reading={drift}>
            {({ watch, at }) =>
              watch === 'watched' ? (
                <span>
                  A monitor judged last at <Time at={at} />.
                </span>
              ) : watch === 'stale' ? (
                <span>
                  A monitor judged last at <Time at={at} />, and has been silent for three of its intervals. See that
                  headrace monitor runs.
                </span>
              ) : (
                <span>No monitor runs: this page judges when it is read. Start one with headrace monitor.</span>
              )
            }
          </Live>
        </>
      }
    />
  );
}
