import { fail } from '../../base/errors/fail.ts';

/**
 * Checks the address of a webhook: http or https, without credentials, and below an address that the configuration allows. Nothing is
 * allowed without a configuration, so that nobody reaches addresses behind the server. Error: REGISTRY_WEBHOOK.
 */
export function checkWebhookUrl(url: string, allowed: readonly string[]): void {
  const refuse = (reason: string) => fail('REGISTRY_WEBHOOK', { url, reason });
  if (!URL.canParse(url)) throw refuse('it is not a URL');
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') throw refuse('it is not http or https');
  if (parsed.username !== '' || parsed.password !== '') throw refuse('it has credentials');
  if (!allowed.some((one) => isBelow(parsed, new URL(one)))) throw refuse('the configuration does not allow it');
}

/** The same origin, and a path that begins with all parts of the allowed one. */
function isBelow(url: URL, allowed: URL): boolean {
  const folder = allowed.pathname.endsWith('/') ? allowed.pathname : `${allowed.pathname}/`;
  return url.origin === allowed.origin && (url.pathname === allowed.pathname || url.pathname.startsWith(folder));
}
