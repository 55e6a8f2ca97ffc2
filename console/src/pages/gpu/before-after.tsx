import type { Diagnosis } from '../../../../src/gpu/diagnosis.ts';
import { DroppedReport } from '../../look/dropped-report.tsx';
import { durationText, NONE, numberText, shareText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { diagnoseFiles } from './diagnose-files.ts';

/** The shown report against one of before a change: what became faster, and which findings are gone. */
export function BeforeAfter({ after, command }: { readonly after: Diagnosis; readonly command: string }) {
  return (
    <Panel title="Before against after" note="Drop the files or the report of the same job before the change.">
      <DroppedReport<Diagnosis> command={command} has="verdict" slot="before" judge={diagnoseFiles}>
        {(before) => <Compared before={before} after={after} />}
      </DroppedReport>
    </Panel>
  );
}

/** Means over the devices of a report. */
function measuresOf({ traces }: Diagnosis) {
  const mean = (of: (trace: Diagnosis['traces'][number]) => number) =>
    traces.length === 0 ? null : traces.reduce((sum, trace) => sum + of(trace), 0) / traces.length;
  return {
    stepUs: mean(({ stepUs }) => stepUs),
    idle: mean(({ decomposition: { idleUs, totalUs } }) => idleUs / totalUs),
    communication: mean(({ decomposition: { exposedCommunicationUs, totalUs } }) => exposedCommunicationUs / totalUs),
    copies: mean(({ decomposition: { exposedCopyUs, totalUs } }) => exposedCopyUs / totalUs),
  };
}

function Compared({ before, after }: { readonly before: Diagnosis; readonly after: Diagnosis }) {
  const [old, now] = [measuresOf(before), measuresOf(after)];
  const rows = [
    {
      name: 'step, mean of the devices',
      old: old.stepUs,
      now: now.stepUs,
      text: (us: number) => durationText(us / 1_000),
    },
    { name: 'idle', old: old.idle, now: now.idle, text: shareText },
    { name: 'exposed communication', old: old.communication, now: now.communication, text: shareText },
    { name: 'exposed copies', old: old.copies, now: now.copies, text: shareText },
  ];
  const titles = new Map([...before.findings, ...after.findings].map(({ id, title }) => [id, title]));
  const findings = [...titles].map(([id, title]) => ({
    id,
    title,
    was: before.findings.some((one) => one.id === id),
    is: after.findings.some((one) => one.id === id),
  }));
  return (
    <>
      <Rows
        label="Before against after"
        rows={rows}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Measure', cell: ({ name }) => name },
          { title: 'Before', isFigure: true, cell: ({ old: value, text }) => (value === null ? NONE : text(value)) },
          { title: 'After', isFigure: true, cell: ({ now: value, text }) => (value === null ? NONE : text(value)) },
          {
            title: 'Before by after',
            isFigure: true,
            cell: (row) => (row.old === null || !row.now ? NONE : `${numberText(row.old / row.now)} ×`),
          },
        ]}
      />
      <Rows
        label="Findings before and after"
        rows={findings}
        keyOf={({ id }) => id}
        columns={[
          {
            title: 'State',
            cell: ({ was, is }) => (
              <State tone={is ? (was ? 'warn' : 'bad') : 'good'}>{is ? (was ? 'still there' : 'new') : 'gone'}</State>
            ),
          },
          { title: 'Finding', isSentence: true, cell: ({ title }) => title },
        ]}
      />
    </>
  );
}
