import type { Writers } from './compile.ts';

/**
 * The differences of one engine from the shared text. Everything else is the same on all engines, so a dialect is a
 * handful of lines. A plan node whose shared text the engine runs badly may have a special text in `writers`.
 */
export interface Dialect {
  readonly name: string;
  /** A declared name, quoted. */
  readonly identifier: (name: string) => string;
  /** A text literal. Error: PLAN_LITERAL where the engine has no way to write it. */
  readonly text: (value: string) => string;
  /** MIN or MAX of text by its UTF-8 bytes. */
  readonly extremeText: (side: 'MIN' | 'MAX', sql: string) => string;
  /** A double as text that reads back as the same double; where the engine can, the text that ECMAScript gives. */
  readonly floatText: (sql: string) => string;
  /** A number of an embedding, by its place from 0. */
  readonly element: (embedding: string, place: number) => string;
  /** Whether one of an embedding's numbers is beyond ±most. */
  readonly beyond: (embedding: string, length: number, most: number) => string;
  /** Doubles as an embedding. */
  readonly array: (numbers: readonly string[]) => string;
  /** An embedding as text that `embeddingOf`, and the algebra, read back as the same numbers. */
  readonly embeddingText: (sql: string) => string;
  readonly embeddingOf: (text: string) => string;
  /** `n·squares − total²` as an exact number, where each part has at most 38 digits. */
  readonly exactSpread: (n: string, squares: string, total: string) => string;
  /** The nearest double of an exact number of any size. */
  readonly toDouble: (sql: string) => string;
  /** Epoch milliseconds of a timestamp without zone, read as UTC. */
  readonly timestampMs: (sql: string) => string;
  /** How often each text of a group is there, null ones left out. */
  readonly multiset: (sql: string) => string;
  /** The values of a group as a list, ascending by `order`. */
  readonly list: (value: string, order: string) => string;
  /** A statement as one text: a WITH clause. */
  readonly statement: (statement: Statement) => string;
  readonly writers: Partial<Writers>;
}

/** A SELECT and the named results that it reads, each of which reads only those before it. */
export interface Statement {
  readonly steps: readonly Step[];
  readonly select: string;
}

/** A named intermediate result. */
export interface Step {
  readonly name: string;
  readonly sql: string;
}
