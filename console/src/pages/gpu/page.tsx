import type { Diagnosis } from '../../../../src/gpu/diagnosis.ts';
import { DroppedReport } from '../../look/dropped-report.tsx';
import { durationText, numberText, shareText } from '../../look/format.ts';
import { Empty, Facts, Page as PageFrame, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { BeforeAfter } from './before-after.tsx';
import { diagnoseFiles } from './diagnose-files.ts';
import css from './gpu.module.css';
import { Gaps, Ranks } from './ranks.tsx';
import { StepTimeline } from './step-timeline.tsx';

const COMMAND = 'npx headrace gpu diagnose traces/ --json > diagnosis.json';

/** Where the time of a training step goes. */
export function Page() {
  return (
    <PageFrame
      title="GPU"
      finding="Idle against busy first, then the findings in the order of the time that they cost."
    >
      <DroppedReport<Diagnosis> command={COMMAND} has="verdict" judge={diagnoseFiles}>
        {(diagnosis) => <Shown diagnosis={diagnosis} />}
      </DroppedReport>
    </PageFrame>
  );
}

function Shown({ diagnosis }: { readonly diagnosis: Diagnosis }) {
  const { verdict, summary, traces, findings, refused, levels } = diagnosis;
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
            ['Files', numberText(diagnosis.files.length)],
            ['Refused', numberText(refused.length)],
          ]}
        />
        {refused.map(({ path, code, message }) => (
          <p key={path}>
            <code>{code}</code> {path}: {message}
          </p>
        ))}
      </Panel>
      <Panel title="Findings, the most expensive first">
        <Findings findings={findings} />
      </Panel>
      <Ranks traces={traces} />
      {traces.map((trace) => (
        <Panel
          key={`${trace.file} ${trace.device}`}
          title={`${trace.file}, device ${trace.device}${trace.rank === null ? '' : `, rank ${trace.rank}`}`}
          note={`${trace.deviceName}; a typical step takes ${durationText(trace.stepUs / 1_000)}`}
        >
          <Divided of={trace.decomposition} />
          <StepTimeline timeline={trace.timeline} />
          <Gaps trace={trace} />
          <Kernels of={trace.topKernels} />
        </Panel>
      ))}
      <BeforeAfter after={diagnosis} command={COMMAND} />
      <Panel title="Evidence that is missing">
        {levels.every(({ missing }) => missing === undefined) ? (
          <Empty>None.</Empty>
        ) : (
          levels.flatMap(({ level, title, missing }) =>
            missing === undefined
              ? []
              : [
                  <Empty key={level} command={missing}>
                    {title}
                  </Empty>,
                ],
          )
        )}
      </Panel>
    </>
  );
}

function Findings({ findings }: Pick<Diagnosis, 'findings'>) {
  if (findings.length === 0) return <Empty>No cause costs 5 % of a step.</Empty>;
  return (
    <ol className={css.findings}>
      {findings.map(({ id, title, severity, shareOfStep, confidence, evidence, fix, nextCommand, disproof }) => (
        <li key={id}>
          <h3>
            <State tone={severity === 'warning' ? 'bad' : 'warn'}>{severity}</State> {title}
          </h3>
          <p>
            {shareOfStep === null ? '' : `${shareText(shareOfStep)} of the step, `}
            {confidence} confidence. It would be disproved by: {disproof}
          </p>
          <details>
            <summary>{evidence.length} numbers</summary>
            <ul>
              {evidence.map(({ file, what, value, unit }) => (
                <li key={`${file} ${what}`}>
                  {what}: {typeof value === 'number' ? numberText(value) : value} {unit} ({file})
                </li>
              ))}
            </ul>
          </details>
          <ul>
            {fix.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          <pre>
            <code>{nextCommand}</code>
          </pre>
        </li>
      ))}
    </ol>
  );
}

/** The parts of the time, of which each covers what those before it left. */
function Divided({ of }: { readonly of: Diagnosis['traces'][number]['decomposition'] }) {
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

function Kernels({ of }: { readonly of: Diagnosis['traces'][number]['topKernels'] }) {
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
