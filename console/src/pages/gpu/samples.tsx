import type { Diagnosis } from '../../../../src/gpu/diagnosis.ts';
import { NONE, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';

/** The counters of GPUs taken apart, with the jobs and the processes that use them. */
export function Samples({ diagnosis }: { readonly diagnosis: Diagnosis }) {
  return (
    <>
      <Utilisations rows={diagnosis.utilisation} />
      <Allocations rows={diagnosis.allocation} />
      <Processes rows={diagnosis.processes} />
    </>
  );
}

function percentText(percent: number): string {
  const text = numberText(percent);
  return text === NONE ? text : `${text} %`;
}

function Utilisations({ rows }: { readonly rows: Diagnosis['utilisation'] }) {
  if (rows.length === 0) return null;
  return (
    <Panel title="Utilisation is not idle × busy then">
      <Rows
        label="Utilisation"
        rows={rows}
        keyOf={({ file }) => file}
        columns={[
          { title: 'Samples', cell: ({ file }) => file },
          { title: 'Mean', isFigure: true, cell: ({ mean }) => percentText(mean) },
          { title: 'Not idle', isFigure: true, cell: ({ nonIdleShare }) => shareText(nonIdleShare) },
          { title: 'Busy then', isFigure: true, cell: ({ meanOfNonIdle }) => percentText(meanOfNonIdle) },
          { title: 'Below 1 %', isFigure: true, cell: ({ idleShare }) => shareText(idleShare) },
          { title: 'At 95 % or more', isFigure: true, cell: ({ saturatedShare }) => shareText(saturatedShare) },
          { title: 'Power, W', isFigure: true, cell: ({ meanPowerW }) => numberText(meanPowerW) },
        ]}
      />
    </Panel>
  );
}

function Allocations({ rows }: { readonly rows: Diagnosis['allocation'] }) {
  if (rows.length === 0) return null;
  return (
    <Panel title="With the jobs it is allocated × not idle × busy then">
      <Rows
        label="Allocation"
        rows={rows}
        keyOf={({ file }) => file}
        columns={[
          { title: 'Samples', cell: ({ file }) => file },
          { title: 'Allocated', isFigure: true, cell: ({ allocatedShare }) => shareText(allocatedShare) },
          { title: 'Not idle', isFigure: true, cell: ({ nonIdleShare }) => shareText(nonIdleShare) },
          { title: 'Busy then', isFigure: true, cell: ({ meanOfNonIdle }) => percentText(meanOfNonIdle) },
          { title: 'Jobs', isFigure: true, cell: ({ jobs }) => numberText(jobs.length) },
          { title: 'Held idle, GPU-hours', isFigure: true, cell: ({ idleGpuHours }) => numberText(idleGpuHours) },
        ]}
      />
    </Panel>
  );
}

function Processes({ rows }: { readonly rows: Diagnosis['processes'] }) {
  const all = rows.flatMap(({ file, gpu, processes }) => processes.map((one) => ({ ...one, file, gpu })));
  if (all.length === 0) return null;
  return (
    <Panel title="Processes of the GPUs">
      <Rows
        label="Processes"
        rows={all}
        keyOf={({ file, gpu, pid, command }) => `${file} ${gpu} ${pid} ${command}`}
        columns={[
          { title: 'Samples', cell: ({ file }) => file },
          { title: 'GPU', cell: ({ gpu }) => gpu },
          { title: 'Process', cell: ({ command, pid }) => `${command.slice(0, 60)} (${pid})` },
          { title: 'Of the SMs', isFigure: true, cell: ({ smPercent }) => percentText(smPercent) },
          {
            title: 'Memory, GB',
            isFigure: true,
            cell: ({ memoryMb }) => (memoryMb === null ? NONE : numberText(memoryMb / 1_024)),
          },
          { title: 'Of the samples', isFigure: true, cell: ({ presentShare }) => shareText(presentShare) },
        ]}
      />
    </Panel>
  );
}
