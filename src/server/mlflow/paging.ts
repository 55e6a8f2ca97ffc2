import type { Page, StageView } from '../../ports/registry-query.ts';
import { invalid } from './fault.ts';
import { type Message, wrong } from './message.ts';

/** A page of a search: where it begins, and how long it is. */
export interface Paging {
  readonly offset: number;
  readonly limit: number;
}

/** Reads `max_results` and `page_token`. Errors: MlflowFault. */
export function pagingOf(message: Message, { usual, most }: { readonly usual: number; readonly most: number }): Paging {
  const limit = message.whole('max_results') ?? usual;
  if (limit < 1 || limit > most) throw wrong('max_results', limit, `it must be between 1 and ${most}`);
  return { limit, offset: offsetOf(message.text('page_token')) };
}

/** The token of the page after this one; nothing after the last. */
export function nextToken(
  { offset, limit }: Paging,
  page: Pick<Page<unknown>, 'more'>,
): { readonly next_page_token?: string } {
  if (!page.more) return {};
  return { next_page_token: Buffer.from(JSON.stringify({ offset: offset + limit })).toString('base64') };
}

function offsetOf(token: string): number {
  if (token === '') return 0;
  try {
    const { offset } = JSON.parse(Buffer.from(token, 'base64').toString('utf8')) as { readonly offset?: unknown };
    if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return offset;
  } catch {
    // The message below says it.
  }
  throw invalid('Invalid page token, could not base64-decode');
}

const VIEWS: Readonly<Record<string, StageView>> = { ACTIVE_ONLY: 'active', DELETED_ONLY: 'deleted', ALL: 'all' };

/** Reads a view on lifecycle stages. */
export function viewOf(message: Message, name: string): StageView {
  return VIEWS[message.word(name, ['ACTIVE_ONLY', 'DELETED_ONLY', 'ALL']) ?? 'ACTIVE_ONLY'];
}
