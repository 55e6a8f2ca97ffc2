import type { Diagnosis, TraceReport } from '../../../../src/gpu/diagnosis.ts';
import { durationText, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';

/** A rank whose step is longer than the median by this share is slow. */
const SLOW = 1.1;

/** Devices next to each other: the slow one makes the others wait. */
export function Ranks({ traces }: Pick<Diagnosis, 'traces'>) {
  if (traces.length < 2) return null;
  const steps = traces.map(({ stepUs }) => stepUs).toSorted((a, b) => a - b);
  const median = steps[Math.floor(steps.length / 2)] ?? 0;
  const slowest = traces.reduce((a, b) => (b.stepUs > a.stepUs ? b : a));
  return (
    <Panel
      title={`${numberText(traces.length)} devices: the slowest step takes ${durationText(slowest.stepUs / 1_000)}, on ${nameOf(slowest)}`}
      note="A rank that computes long while the others wait in exposed communication is the one to look at."
    >
      <Rows
        label="Devices"
        rows={traces}
        keyOf={({ file, device }) => `${file} ${device}`}
        columns={[
          {
            title: 'State',
            cell: ({ stepUs }) => (
              <State tone={stepUs > SLOW * median ? 'bad' : 'good'}>{stepUs > SLOW * median ? 'slow' : 'usual'}</State>
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
