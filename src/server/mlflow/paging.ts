import { sha256Hex } from '../../base/hash/sha256.ts';
import type { Page, StageView } from '../../ports/registry-query.ts';
import { invalid } from './fault.ts';
import { type Fields, type Message, wrong } from './message.ts';

/** A page of a search: where it begins, and how long it is. */
export interface Paging {
  readonly offset: number;
  readonly limit: number;
  /** Hash of the search that its tokens belong to; absent: they fit any. */
  readonly search?: string;
}

/** How long pages of a route are. */
interface PageLengths {
  readonly usual: number;
  readonly most: number;
  /** Whether a token is refused with another search than its own. */
  readonly isBound?: boolean;
}

/** Reads `max_results` and `page_token`. Errors: MlflowFault. */
export function pagingOf(message: Message, { usual, most, isBound = false }: PageLengths): Paging {
  const limit = message.whole('max_results') ?? usual;
  if (limit < 1 || limit > most) throw wrong('max_results', limit, `it must be between 1 and ${most}`);
  const bound = isBound ? { search: searchHash(message.fields) } : {};
  return { limit, offset: offsetOf(message.text('page_token'), bound.search), ...bound };
}

/** The token of the page after this one; nothing after the last. */
export function nextToken(
  { offset, limit, search }: Paging,
  page: Pick<Page<unknown>, 'more'>,
): { readonly next_page_token?: string } {
  if (!page.more) return {};
  return { next_page_token: Buffer.from(JSON.stringify({ offset: offset + limit, search })).toString('base64') };
}

function offsetOf(token: string, search: string | undefined): number {
  if (token === '') return 0;
  const { offset, search: own } = tokenFields(token);
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0)
    throw invalid('Invalid page token, could not base64-decode');
  if (search !== undefined && own !== search)
    throw invalid('The page token does not match the search: it came from one with other fields.');
  return offset;
}

function tokenFields(token: string): { readonly offset?: unknown; readonly search?: unknown } {
  try {
    const fields: unknown = JSON.parse(Buffer.from(token, 'base64').toString('utf8'));
    if (typeof fields === 'object' && fields !== null) return fields;
  } catch {
    // The message below says it.
  }
  throw invalid('Invalid page token, could not base64-decode');
}

function searchHash(fields: Fields): string {
  const asked = Object.entries(fields).filter(([name]) => name !== 'page_token' && name !== 'max_results');
  const text = JSON.stringify(asked.sort(([a], [b]) => (a < b ? -1 : 1)));
  return sha256Hex(new TextEncoder().encode(text)).slice(0, 16);
}

const VIEWS: Readonly<Record<string, StageView>> = { ACTIVE_ONLY: 'active', DELETED_ONLY: 'deleted', ALL: 'all' };

/** Reads a view on lifecycle stages. */
export function viewOf(message: Message, name: string): StageView {
  return VIEWS[message.word(name, ['ACTIVE_ONLY', 'DELETED_ONLY', 'ALL']) ?? 'ACTIVE_ONLY'];
}
