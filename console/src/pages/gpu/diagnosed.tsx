import type { Diagnosis } from '../../../../src/gpu/diagnosis.ts';
import { NONE, numberText, shareText } from '../../look/format.ts';
import { Empty, Facts, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Findings, Remaining } from './findings.tsx';
import css from './gpu.module.css';
import { Ranks } from './ranks.tsx';
import { Samples } from './samples.tsx';
import { Trace } from './trace.tsx';

/** Devices that are drawn: most traces are ranks of one job. The JSON has all. */
const MOST_TRACES = 16;

/** A diagnosis: the findings first, then what they were found in. */
export function Diagnosed({ diagnosis }: { readonly diagnosis: Diagnosis }) {
  const { verdict, summary, traces, findings, files, refused, reasons, limitations = [] } = diagnosis;
  return (
    <>
      <Panel title={summary}>
        <Facts
          of={[
            [
              'Verdict',
              <State key="verdict" tone={verdict === 'healthy' ? 'good' : verdict === 'findings' ? 'bad' : 'idle'}>
                {verdict}
              </State>,
            ],
            ['Files', numberText(files.length)],
            ['Refused', numberText(refused.length)],
          ]}
        />
        {refused.map(({ path, code, message }) => (
          <p key={path}>
            <code>{code}</code> {path}: {message}
          </p>
        ))}
        <Lines of={[...reasons, ...limitations]} />
      </Panel>
      <Panel title="Findings, the most expensive first">
        <Findings findings={findings} />
        <Remaining findings={findings} />
      </Panel>
      <Samples diagnosis={diagnosis} />
      <Ranks traces={traces} />
      {traces.slice(0, MOST_TRACES).map((trace) => (
        <Trace key={`${trace.file} ${trace.device}`} trace={trace} />
      ))}
      {traces.length > MOST_TRACES && (
        <Panel title={`${traces.length - MOST_TRACES} more devices`}>
          <Empty>The table above has them, and the JSON has their details.</Empty>
        </Panel>
      )}
      <Measured kernels={diagnosis.kernels} />
      <Investigation levels={diagnosis.levels} />
    </>
  );
}

function Lines({ of }: { readonly of: readonly string[] }) {
  return of.map((text) => (
    <p key={text} className={css.quiet}>
      {text}
    </p>
  ));
}

/** The kernels that Nsight Compute judged. */
function Measured({ kernels }: Pick<Diagnosis, 'kernels'>) {
  if (kernels.length === 0) return null;
  return (
    <Panel title="Kernels that Nsight Compute measured">
      <Rows
        label="Measured kernels"
        rows={kernels}
        keyOf={({ file, name }) => `${file} ${name}`}
        columns={[
          { title: 'Kernel', cell: ({ name }) => <code>{name.slice(0, 80)}</code> },
          {
            title: 'Limited by',
            cell: ({ verdict, memoryLevel }) => `${verdict}${memoryLevel === null ? '' : ` (${memoryLevel})`}`,
          },
          { title: 'By', isSentence: true, cell: ({ by }) => by },
          { title: 'SM, %', isFigure: true, cell: ({ smPercent }) => numberText(smPercent) },
          { title: 'Memory, %', isFigure: true, cell: ({ memoryPercent }) => numberText(memoryPercent) },
          {
            title: 'Of kernel time',
            isFigure: true,
            cell: ({ shareOfKernelTime }) => (shareOfKernelTime === null ? NONE : shareText(shareOfKernelTime)),
          },
        ]}
      />
    </Panel>
  );
}

/** The levels of the investigation with their evidence, or the command that records what is missing. */
function Investigation({ levels }: Pick<Diagnosis, 'levels'>) {
  return (
    <Panel title="Evidence, and what is missing">
      {levels.length === 0 ? (
        <Empty>None.</Empty>
      ) : (
        levels.map(({ level, title, evidence = [], missing }) =>
          missing === undefined ? (
            <p key={level}>
              <strong>{title}</strong>: {evidence.join('; ') || 'no evidence'}
            </p>
          ) : (
            <Empty key={level} command={missing}>
              {title}
            </Empty>
          ),
        )
      )}
    </Panel>
  );
}
