import { catalogue } from './catalogue.ts';
import type { ErrorRow } from './row.ts';

/** A code of the error catalogue, `AREA_FACT`. */
export type ErrorCode = keyof typeof catalogue;

type FactNames<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | FactNames<Rest>
  : never;

type FactValue = string | number | bigint | boolean | null | undefined | readonly (string | number)[];

/** The facts that the message of a code names. */
export type ErrorFacts<Code extends ErrorCode> = {
  readonly [Name in FactNames<(typeof catalogue)[Code]['message']>]: FactValue;
};

/** The one error class: recognise an error by `code`, show `message` and `hint`. */
export class HeadraceError extends Error {
  override readonly name = 'HeadraceError';
  readonly code: ErrorCode;
  readonly facts: Readonly<Record<string, FactValue>>;
  readonly hint: string;
  readonly retry: ErrorRow['retry'];
  readonly status: number;
  readonly exit: number;

  constructor(code: ErrorCode, facts: Readonly<Record<string, FactValue>>, cause?: unknown) {
    const row: ErrorRow = catalogue[code];
    super(messageOf(code, row.message, facts), cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
    this.hint = row.hint;
    this.retry = row.retry;
    this.status = row.status;
    this.exit = row.exit;
  }
}

/** Makes (does not throw) the error of a code: `throw fail('WINDOW_TEXT', { view, window })`. */
export function fail<Code extends ErrorCode>(code: Code, facts: ErrorFacts<Code>, cause?: unknown): HeadraceError {
  return new HeadraceError(code, facts, cause);
}

/** The error that another process has described by code and message; null where the catalogue here does not have the code. */
export function describedError(code: string, message: string): HeadraceError | null {
  if (!Object.hasOwn(catalogue, code)) return null;
  return Object.assign(new HeadraceError(code as ErrorCode, {}), { message });
}

/** Whether a caught value is a catalogued error, of the given code if one is given. */
export function isHeadraceError(error: unknown, code?: ErrorCode): error is HeadraceError {
  return error instanceof HeadraceError && (code === undefined || error.code === code);
}

/** The texts of messages between their facts, by code: an error may be made for each of many rows. */
const PARTS = new Map<ErrorCode, readonly string[]>();

/** Texts and names of facts take turns. */
function messageOf(code: ErrorCode, message: string, facts: Readonly<Record<string, FactValue>>): string {
  let parts = PARTS.get(code);
  if (parts === undefined) {
    parts = message.split(/\{(\w+)\}/);
    PARTS.set(code, parts);
  }
  let text = parts[0];
  for (let i = 1; i < parts.length; i += 2) text += show(facts[parts[i]]) + parts[i + 1];
  return text;
}

const LONGEST_FACT = 200;

function show(value: FactValue): string {
  if (Array.isArray(value)) return value.map(show).join(', ');
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > LONGEST_FACT ? `${value.slice(0, LONGEST_FACT)}…` : value);
}
