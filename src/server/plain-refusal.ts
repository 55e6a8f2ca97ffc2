import type { IncomingMessage } from 'node:http';
import { fail, type HeadraceError } from '../base/errors/fail.ts';
import { foreignPage, type PageRule, type Sender, senderOf } from './page-rule.ts';

/** Methods without a body: readers of HTTP disagree on where one of theirs ends. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** Why a request is refused by its host; null: it is not. */
export function hostRefusal({ headers }: IncomingMessage, allows: (host: string) => boolean): HeadraceError | null {
  const { host = '' } = headers;
  return allows(host) ? null : fail('SERVER_HOST', { host });
}

/** Why a request is refused by the page that sent it; null: it is not. */
export function pageRefusal(request: IncomingMessage, pages: PageRule): HeadraceError | null {
  return senderRefusal(senderOf(request), pages);
}

/** The same for the sender of a request of any protocol. */
export function senderRefusal(sender: Sender, pages: PageRule): HeadraceError | null {
  const page = foreignPage(pages, sender);
  return page === null ? null : fail('SERVER_PAGE', { page: page.slice(0, 200) });
}

/** Why the body of a request is refused before any route is asked; null: it is not, or there is none. */
export function bodyRefusal({ method = 'GET', headers }: IncomingMessage): HeadraceError | null {
  const length = headers['content-length'] ?? '0';
  const hasBody = headers['transfer-encoding'] !== undefined || Number(length) !== 0;
  return hasBody && WITHOUT_BODY.has(method) ? fail('SERVER_METHOD_BODY', { method }) : null;
}
