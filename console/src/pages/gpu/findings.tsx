import type { Diagnosis } from '../../../../src/gpu/diagnosis.ts';
import { durationText, numberText, shareText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import css from './gpu.module.css';

type Finding = Diagnosis['findings'][number];

/** Numbers of a finding that are listed; the JSON has all. */
const MOST = 200;

/** The findings with their evidence and their fix, the most expensive first. */
export function Findings({ findings }: Pick<Diagnosis, 'findings'>) {
  if (findings.length === 0) return <Empty>No cause costs 5 % of a step.</Empty>;
  return (
    <ol className={css.findings}>
      {findings.map((finding) => (
        <Shown key={finding.id} finding={finding} />
      ))}
    </ol>
  );
}

function Shown({ finding }: { readonly finding: Finding }) {
  const { title, severity, evidence, fix, nextCommand, disproof } = finding;
  return (
    <li>
      <h3>
        <State tone={severity === 'warning' ? 'bad' : 'warn'}>{severity}</State> {title}
      </h3>
      <p>
        {gainOf(finding)} It would be disproved by: {disproof}
      </p>
      <details>
        <summary>{evidence.length} numbers</summary>
        <ul>
          {evidence.slice(0, MOST).map(({ file, what, value, unit, rangeUs }) => (
            <li key={`${file} ${what} ${rangeUs?.join(' ')}`}>
              {what}: {typeof value === 'string' ? value : numberText(value)} {unit} ({file}
              {rangeUs === undefined ? '' : `, ${numberText(rangeUs[0])} to ${numberText(rangeUs[1])} µs`})
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
  );
}

/** The cost of a finding and what its fix brings. */
function gainOf({ shareOfStep, ceiling, gpuHours, confidence, expected, scope }: Finding): string {
  const parts = [
    ...(shareOfStep === null ? [] : [`${shareText(shareOfStep)} of the step`]),
    ...(ceiling === null ? [] : [`at most ${ceiling.toFixed(2)}× faster`]),
    ...(gpuHours === null ? [] : [`${numberText(gpuHours)} GPU-hours`]),
    `${confidence} confidence`,
    `in ${scope.file}`,
  ];
  return `${parts.join(', ')}. Expected: ${expected}.`;
}

/** The time of each step after each of its findings is fixed. */
export function Remaining({ findings }: Pick<Diagnosis, 'findings'>) {
  const rows = findings.flatMap(({ id, title, step, remainingStepUs }) =>
    step === null || remainingStepUs === null ? [] : [{ id, title, step, us: remainingStepUs }],
  );
  if (rows.length === 0) return null;
  return (
    <>
      <h3>What would remain of the step</h3>
      <Rows
        label="What would remain of the step"
        rows={rows}
        keyOf={({ id }) => id}
        columns={[
          { title: 'Step', cell: ({ step }) => `${step.file}, device ${step.device}` },
          { title: 'After the fix of', cell: ({ id }) => id },
          { title: 'Now', isFigure: true, cell: ({ step }) => durationText(step.us / 1_000) },
          { title: 'Then', isFigure: true, cell: ({ us }) => durationText(us / 1_000) },
          {
            title: '',
            cell: ({ step, us }) => (
              <meter
                className={css.meter}
                aria-label="share of the step that would remain"
                min={0}
                max={step.us}
                value={us}
              />
            ),
          },
        ]}
      />
    </>
  );
}
