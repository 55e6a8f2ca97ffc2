import { Panel } from '../../look/page.tsx';
import { Choices } from './choices.tsx';
import type { Lab } from './lab.tsx';
import css from './labs.module.css';

/** The answer of a lab, filled with the figures of its runs: a page to print. */
export function LabAnswer({ lab, answer }: { readonly lab: Lab; readonly answer: NonNullable<Lab['answer']> }) {
  return (
    <article className={css.answer} aria-label="The answer">
      <Panel
        wide
        title="Your answer"
        note="Every figure was measured in your run."
        actions={
          <button type="button" className={css.noPrint} onClick={() => window.print()}>
            Print
          </button>
        }
      >
        {answer.map(({ title, lines }) => (
          <section key={title}>
            <h3>{title}</h3>
            <ul className={css.answerLines}>
              {lines.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </section>
        ))}
        {lab.steps.map((step) => (
          <section key={step.id} className={css.onlyPrint}>
            <h3>{step.title}</h3>
            <Choices step={step} />
          </section>
        ))}
      </Panel>
    </article>
  );
}
