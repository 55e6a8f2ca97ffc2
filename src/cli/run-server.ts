import type { RunningServer } from '../server/http-server.ts';
import type { ListenOptions } from '../server/listen-options.ts';
import type { Call } from './command.ts';
import { wholeOption } from './parse-option.ts';
import { withHeadrace } from './with-headrace.ts';

const TICK_MS = 1_000;
const BODY_LIMIT = 4 * 2 ** 20;

export const serverOptions = { port: { type: 'string' }, 'body-limit': { type: 'string' } } as const;

export const serverHelp = {
  port: 'port to listen on (8080); 0 for a free one',
  'body-limit': 'largest body taken, bytes (4194304)',
};

/** Serves a project until the call is asked to stop; does what is due once a second. Stops cleanly: nothing is lost. */
export async function runServer(
  call: Call,
  listen: ListenOptions,
  started: (server: RunningServer, services: readonly string[]) => void,
): Promise<void> {
  await withHeadrace(call, async (headrace) => {
    const { startServer } = await import('../server/http-server.ts');
    const server = await startServer(headrace, {
      ...listen,
      port: wholeOption('port', call.options['port'], 8080, 0, 65_535),
      bodyLimit: wholeOption('body-limit', call.options['body-limit'], BODY_LIMIT, 1_024, 2 ** 30),
    });
    started(
      server,
      headrace.project.services.map(({ name }) => name),
    );
    let ticking = Promise.resolve();
    const timer = setInterval(() => {
      ticking = ticking
        .then(() => headrace.tick())
        .catch((error: unknown) => call.terminal.err(`headrace: ${String(error)}`));
    }, TICK_MS);
    await call.terminal.stopped;
    clearInterval(timer);
    await ticking;
    await server.close();
  });
}
