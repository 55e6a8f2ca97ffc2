import { consoleAddress } from '../ports/console-address.ts';

/** The page of the labs in the console of a server, or of one of them. */
export function labAddress(url: string, lab?: string): string {
  return consoleAddress(url, { path: '/labs', ...(lab === undefined ? {} : { search: { lab } }) });
}
