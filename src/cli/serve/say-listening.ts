import { consoleAddress } from '../../ports/console-address.ts';
import type { Terminal } from '../command.ts';

interface Listening {
  readonly json: boolean;
  readonly terminal: Pick<Terminal, 'out'>;
  readonly withoutConsole: boolean;
}

/** Says where a server listens, `then` after it, and where browsers find its console unless the server has none. */
export function sayListening({ json, terminal, withoutConsole }: Listening, url: string, then = ''): void {
  const page = withoutConsole ? null : consoleAddress(url);
  if (json) return terminal.out(JSON.stringify({ url, console: page }));
  terminal.out(`listening on ${url}${then}`);
  if (page !== null) terminal.out(`the console is at ${page}`);
}
