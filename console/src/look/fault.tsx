import { asApiError } from '../api/api-error.ts';
import css from './fault.module.css';

/** An error as the catalogue has it: its code, its fact, and what to do. */
export function Fault({ error }: { readonly error: unknown }) {
  if (error === null || error === undefined) return null;
  const { code, message, hint } = asApiError(error);
  return (
    <div className={css.fault} role="alert">
      <p>
        <code>{code}</code> {message}
      </p>
      <p className={css.hint}>{hint}</p>
    </div>
  );
}
