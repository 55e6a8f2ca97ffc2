import type { Diagnosis, TraceReport } from '../../../../src/gpu/diagnosis.ts';
import { durationText, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';

/** A device waits this share of the step less than the others when they wait for it. */
const LATE = 0.05;

/** Devices next to each other. All steps of a job are as long as the slowest one: the late device is that which waits least. */
export function Ranks({ traces }: Pick<Diagnosis, 'traces'>) {
  if (traces.length < 2) return null;
  const waits = traces.map(waitOf).toSorted((a, b) => a - b);
  const usual = waits[Math.floor(waits.length / 2)] ?? 0;
  const late = traces.filter((trace) => usual - waitOf(trace) > LATE);
  return (
    <Panel
      title={`${numberText(traces.length)} devices: ${late.length === 0 ? 'none keeps the others waiting' : `the others wait for ${late.map(nameOf).join(', ')}`}`}
      note="A rank that computes long while the others wait in exposed communication is the one to look at."
    >
      <Rows
        label="Devices"
        rows={traces}
        keyOf={({ file, device }) => `${file} ${device}`}
        columns={[
          {
            title: 'State',
            cell: (trace) => (
              <State tone={late.includes(trace) ? 'bad' : 'good'}>{late.includes(trace) ? 'late' : 'usual'}</State>
            ),
          },
          { title: 'Device', cell: nameOf },
          { title: 'Step', isFigure: true, cell: ({ stepUs }) => durationText(stepUs / 1_000) },
          {
            title: 'Idle',
            isFigure: true,
            cell: ({ decomposition: { idleUs, totalUs } }) => shareText(idleUs / totalUs),
          },
          {
            title: 'Computation',
            isFigure: true,
            cell: ({ decomposition: { computationUs, totalUs } }) => shareText(computationUs / totalUs),
          },
          {
            title: 'Exposed communication',
            isFigure: true,
            cell: ({ decomposition: { exposedCommunicationUs, totalUs } }) =>
              shareText(exposedCommunicationUs / totalUs),
          },
          {
            title: 'Exposed copies',
            isFigure: true,
            cell: ({ decomposition: { exposedCopyUs, totalUs } }) => shareText(exposedCopyUs / totalUs),
          },
        ]}
      />
    </Panel>
  );
}

/** Share of the step in which a device waits for communication alone. */
function waitOf({ decomposition: { exposedCommunicationUs, totalUs } }: TraceReport): number {
  return exposedCommunicationUs / totalUs;
}

function nameOf({ file, device, rank }: TraceReport): string {
  return rank === null ? `${file}, device ${device}` : `rank ${rank}`;
}

/** The gaps of a device by their length and by who left the GPU without work. */
export function Gaps({ trace: { gaps, hostWork } }: { readonly trace: TraceReport }) {
  const sizes = Object.entries(gaps).filter(([, { count }]) => count > 0);
  const work = Object.entries(hostWork).toSorted(([, a], [, b]) => b - a);
  if (sizes.length === 0) return null;
  return (
    <>
      <h3>Gaps, by length and cause</h3>
      <Rows
        label="Gaps"
        rows={sizes}
        keyOf={([size]) => size}
        columns={[
          { title: 'Length', cell: ([size]) => size },
          { title: 'Gaps', isFigure: true, cell: ([, { count }]) => numberText(count) },
          { title: 'Idle', isFigure: true, cell: ([, { us }]) => durationText(us / 1_000) },
          { title: 'Host gave no work', isFigure: true, cell: ([, { hostUs }]) => durationText(hostUs / 1_000) },
          { title: 'Work waited', isFigure: true, cell: ([, { queuedUs }]) => durationText(queuedUs / 1_000) },
          { title: 'Not known', isFigure: true, cell: ([, { unknownUs }]) => durationText(unknownUs / 1_000) },
        ]}
      />
      {work.length > 0 && (
        <p>The host meanwhile: {work.map(([name, us]) => `${name} ${durationText(us / 1_000)}`).join(', ')}.</p>
      )}
    </>
  );
}
