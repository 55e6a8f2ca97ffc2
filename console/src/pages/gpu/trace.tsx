import type { TraceReport } from '../../../../src/gpu/diagnosis.ts';
import { durationText, NONE, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import css from './gpu.module.css';
import { Gaps } from './ranks.tsx';
import { StepTimeline } from './step-timeline.tsx';

/** One device of a trace: where the time of its step goes. */
export function Trace({ trace }: { readonly trace: TraceReport }) {
  const { file, device, rank, deviceName, stepUs, window, gpuSpan } = trace;
  return (
    <Panel
      title={`${file}, device ${device}${rank === null ? '' : `, rank ${rank}`}`}
      note={`${deviceName}; ${window}; a typical step takes ${durationText(stepUs / 1_000)}. From the first to the last GPU event ${shareText(gpuSpan.idleUs / gpuSpan.totalUs)} is idle.`}
    >
      <Divided of={trace.decomposition} />
      <StepTimeline timeline={trace.timeline} />
      <Gaps trace={trace} />
      <Kernels of={trace.topKernels} />
      {trace.operators.length > 0 && <Operators of={trace.operators} />}
      <Steps of={trace.steps} />
      {trace.limitations.map((text) => (
        <p key={text} className={css.quiet}>
          {text}
        </p>
      ))}
    </Panel>
  );
}

/** The parts of the time, of which each covers what those before it left. */
function Divided({ of }: { readonly of: TraceReport['decomposition'] }) {
  const parts = [
    { name: 'idle', us: of.idleUs },
    { name: 'computation', us: of.computationUs },
    { name: 'exposed communication', us: of.exposedCommunicationUs },
    { name: 'exposed copies', us: of.exposedCopyUs },
  ];
  return (
    <Rows
      label="The time divided"
      rows={parts}
      keyOf={({ name }) => name}
      columns={[
        { title: 'Part', cell: ({ name }) => name },
        { title: 'Time', isFigure: true, cell: ({ us }) => durationText(us / 1_000) },
        { title: 'Share', isFigure: true, cell: ({ us }) => shareText(us / of.totalUs) },
        {
          title: '',
          cell: ({ us }) => <meter className={css.meter} aria-label="share" min={0} max={of.totalUs} value={us} />,
        },
      ]}
    />
  );
}

function Kernels({ of }: { readonly of: TraceReport['topKernels'] }) {
  return (
    <Rows
      label="Longest kernels"
      rows={of}
      keyOf={({ name }) => name}
      columns={[
        { title: 'Kernel', cell: ({ name }) => <code>{name.slice(0, 80)}</code> },
        { title: 'Calls', isFigure: true, cell: ({ calls }) => numberText(calls) },
        { title: 'Time', isFigure: true, cell: ({ us }) => durationText(us / 1_000) },
        { title: 'Share', isFigure: true, cell: ({ share }) => shareText(share) },
      ]}
    />
  );
}

/** Operators with their shapes, against the peak of the device that bounds them. */
function Operators({ of }: { readonly of: TraceReport['operators'] }) {
  return (
    <details>
      <summary>Operators by their shapes</summary>
      <Rows
        label="Operators"
        rows={of}
        keyOf={({ name, shapes, type }) => `${name} ${shapes} ${type}`}
        columns={[
          { title: 'Operator', cell: ({ name, shapes }) => <code>{`${name} ${shapes}`.slice(0, 120)}</code> },
          { title: 'Type', cell: ({ type }) => type },
          { title: 'Calls', isFigure: true, cell: ({ calls }) => numberText(calls) },
          { title: 'Each', isFigure: true, cell: ({ us, calls }) => durationText(us / calls / 1_000) },
          { title: 'Of kernel time', isFigure: true, cell: ({ share }) => shareText(share) },
          { title: 'TFLOP/s', isFigure: true, cell: ({ tflops }) => numberText(tflops) },
          { title: 'TB/s', isFigure: true, cell: ({ tbPerS }) => numberText(tbPerS) },
          {
            title: 'Of the peak that bounds it',
            isFigure: true,
            cell: ({ bound, shareOfPeak }) => (bound === null ? NONE : `${shareText(shareOfPeak)} of ${bound}`),
          },
        ]}
      />
    </details>
  );
}

function Steps({ of }: { readonly of: TraceReport['steps'] }) {
  return (
    <details>
      <summary>{numberText(of.length)} steps</summary>
      <Rows
        label="Steps"
        rows={of}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Step', cell: ({ name }) => name },
          { title: 'Time', isFigure: true, cell: ({ us }) => durationText(us / 1_000) },
          { title: 'Counts', cell: ({ leftOut }) => leftOut ?? 'yes' },
        ]}
      />
    </details>
  );
}
