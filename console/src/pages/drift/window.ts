import type { Schema } from '../../api/client.ts';

/** One window of a model, as the server reports it. */
export type Window = Extract<Schema<'DriftReport'>, { series: unknown }>;

/** Two tables, or a window and its training set, compared. */
export type Comparison = NonNullable<Window['comparison']>;

/** The kind of a monitor in words. */
export function kindText(kind: string): string {
  return kind
    .replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(/^./, (letter) => letter.toUpperCase());
}
