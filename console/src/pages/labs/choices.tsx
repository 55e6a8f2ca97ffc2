import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import type { StepOfLab } from './step.tsx';

/** The choices that were judged, the best first, each with its measured loss. */
export function Choices({ step }: { readonly step: StepOfLab }) {
  const judged = step.choices
    .filter(({ loss }) => loss !== null)
    .toSorted((a, b) => (a.loss?.value ?? 0) - (b.loss?.value ?? 0));
  return (
    <Rows
      label={`Choices of ${step.title}`}
      rows={judged}
      keyOf={({ id }) => id}
      columns={[
        {
          title: 'Verdict',
          cell: ({ verdict }) => (
            <State tone={verdict === 'supported' ? 'good' : 'bad'}>
              {verdict === 'supported' ? 'supported' : 'weaker'}
            </State>
          ),
        },
        { title: 'Choice', isSentence: true, cell: ({ text }) => text },
        { title: step.loss.what, isFigure: true, cell: ({ loss }) => loss?.text },
        { title: 'Measured', isSentence: true, cell: ({ shows }) => shows },
      ]}
    />
  );
}
