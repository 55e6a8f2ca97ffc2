import type { ReactNode } from 'react';
import css from './state.module.css';

/** How good a state is. */
export type Tone = 'good' | 'warn' | 'bad' | 'idle' | 'busy';

/** Colour is never the only sign. */
const SIGNS: Readonly<Record<Tone, string>> = { good: '●', warn: '▲', bad: '✕', idle: '○', busy: '◐' };

/** A state in a word, with its sign. */
export function State({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={css.state} data-tone={tone}>
      <span aria-hidden="true">{SIGNS[tone]}</span> {children}
    </span>
  );
}
