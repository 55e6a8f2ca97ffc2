import { fail } from '../../base/errors/fail.ts';

/** A piece of a filter. `quoted`: a key in backticks or a text in quotes, which is never a word of the language. */
export interface FilterToken {
  readonly kind: 'word' | 'number' | 'operator' | 'quoted' | 'key' | 'dot' | 'comma' | 'open' | 'close';
  readonly text: string;
  /** Index of its first character. */
  readonly at: number;
}

const OPERATORS = ['!=', '>=', '<=', '=', '>', '<'];
const PUNCTUATION: Readonly<Record<string, FilterToken['kind']>> = {
  '.': 'dot',
  ',': 'comma',
  '(': 'open',
  ')': 'close',
};
const QUOTES: Readonly<Record<string, FilterToken['kind']>> = { "'": 'quoted', '"': 'quoted', '`': 'key' };

/** The longest filter that is read, characters. */
const LONGEST = 100_000;

/** Cuts a filter into tokens, in one pass. Error: REGISTRY_FILTER. */
export function filterTokens(filter: string): readonly FilterToken[] {
  if (filter.length > LONGEST) throw filterFault('it is longer than 100,000 characters');
  const tokens: FilterToken[] = [];
  for (let at = 0; at < filter.length; ) {
    const token = tokenAt(filter, at);
    if (token === null) {
      at += 1;
      continue;
    }
    tokens.push(token.token);
    at = token.end;
  }
  return tokens;
}

/** The error of a filter that cannot be read; `reason` follows the clause of MLflow's own text. */
export function filterFault(reason: string): Error {
  return fail('REGISTRY_FILTER', { reason });
}

interface Cut {
  readonly token: FilterToken;
  readonly end: number;
}

function tokenAt(filter: string, at: number): Cut | null {
  const character = filter[at];
  if (/\s/.test(character)) return null;
  const quote = QUOTES[character];
  if (quote !== undefined) return quotedAt(filter, at, quote);
  const operator = OPERATORS.find((one) => filter.startsWith(one, at));
  if (operator !== undefined) return cut('operator', operator, at);
  const punctuation = PUNCTUATION[character];
  if (punctuation !== undefined && !(character === '.' && /\d/.test(filter[at + 1] ?? '')))
    return cut(punctuation, character, at);
  return wordAt(filter, at);
}

function quotedAt(filter: string, at: number, kind: FilterToken['kind']): Cut {
  const end = filter.indexOf(filter[at], at + 1);
  if (end === -1) throw filterFault(`the quote at character ${at + 1} is not closed`);
  return { token: { kind, text: filter.slice(at + 1, end), at }, end: end + 1 };
}

/** A number, or a name as far as white space, a quote, an operator or a bracket. A name ends at a dot. */
function wordAt(filter: string, at: number): Cut {
  let end = at;
  const isNumber = /[\d.+-]/.test(filter[at]);
  const stop = isNumber ? /[\s'"`=<>!,()]/ : /[\s'"`=<>!,().]/;
  while (end < filter.length && !stop.test(filter[end])) end += 1;
  if (end === at) throw filterFault(`the character "${filter[at]}" is not part of the language`);
  const text = filter.slice(at, end);
  if (!isNumber) return cut('word', text, at);
  return Number.isNaN(Number(text)) ? cut('word', text, at) : cut('number', text, at);
}

function cut(kind: FilterToken['kind'], text: string, at: number): Cut {
  return { token: { kind, text, at }, end: at + text.length };
}
