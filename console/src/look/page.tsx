import type { ReactNode } from 'react';
import type { Reading } from '../api/live.ts';
import { useConnection } from '../api/live.ts';
import { Fault } from './fault.tsx';
import css from './page.module.css';
import { Time } from './time.tsx';

/** A page: its finding first, then the controls that choose what it shows, then why. */
export function Page(props: {
  readonly title: string;
  /** The finding in one sentence: what is wrong, since when, what to do. */
  readonly finding?: ReactNode;
  readonly controls?: ReactNode;
  readonly children: ReactNode;
}) {
  const { title, finding, controls, children } = props;
  return (
    <div className={css.page}>
      <header className={css.head}>
        <h1>{title}</h1>
        {controls !== undefined && <div className={css.controls}>{controls}</div>}
        {finding !== undefined && <p className={css.finding}>{finding}</p>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page under its own heading, which is a finding where there is one. */
export function Panel(props: {
  readonly title: ReactNode;
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  /** Spans both columns of a page. */
  readonly wide?: boolean;
  readonly children: ReactNode;
}) {
  const { title, note, actions, wide = false, children } = props;
  return (
    <section className={css.panel} data-wide={wide}>
      <div className={css.panelHead}>
        <h2>{title}</h2>
        {actions !== undefined && <div className={css.controls}>{actions}</div>}
      </div>
      {note !== undefined && <div className={css.note}>{note}</div>}
      {children}
    </section>
  );
}

/** Panels next to each other where there is room. */
export function Panels({ children }: { readonly children: ReactNode }) {
  return <div className={css.panels}>{children}</div>;
}

/** Nothing to show yet, and the command that changes that. */
export function Empty({ children, command }: { readonly children: ReactNode; readonly command?: string }) {
  return (
    <div className={css.empty}>
      <p>{children}</p>
      {command !== undefined && (
        <pre>
          <code>{command}</code>
        </pre>
      )}
    </div>
  );
}

/** Facts with their names. */
export function Facts({ of }: { readonly of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={css.facts}>
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Shows a watched value; greyed and dated while the connection is lost, a skeleton of its size before the first. */
export function Live<T>(props: { readonly reading: Reading<T>; readonly children: (value: T) => ReactNode }) {
  const { reading, children } = props;
  const { state, error } = useConnection();
  if (reading.value === null) {
    const failed = reading.error ?? error;
    return failed === null ? <Skeleton /> : <Fault error={failed} />;
  }
  const isStale = state !== 'live' || reading.error !== null;
  return (
    <div className={css.live} data-stale={isStale}>
      {isStale && (
        <p className={css.stale}>
          Stale: as of <Time at={reading.at} />
        </p>
      )}
      {reading.error !== null && <Fault error={reading.error} />}
      {children(reading.value)}
    </div>
  );
}

/** The place of something that is being read. */
export function Skeleton() {
  return (
    <div className={css.skeleton} role="status">
      Reading…
    </div>
  );
}
