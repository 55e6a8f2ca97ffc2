import type { Terminal } from '../command.ts';

interface Listening {
  readonly json: boolean;
  readonly terminal: Pick<Terminal, 'out'>;
}

/** Says where a server listens, `then` after it, and where browsers find its console; null: it has none. */
export function sayListening({ json, terminal }: Listening, url: string, page: string | null, then = ''): void {
  if (json) return terminal.out(JSON.stringify({ url, console: page }));
  terminal.out(`listening on ${url}${then}`);
  if (page !== null) terminal.out(`the console is at ${page}`);
}
