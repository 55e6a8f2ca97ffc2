import type { Command } from '../command.ts';
import { runServer, serverHelp, serverOptions } from '../run-server.ts';

export const serve: Command = {
  name: ['serve'],
  summary: 'the HTTP server, to be reached from other machines behind a proxy that authenticates',
  words: '',
  arity: [0, 0],
  options: { ...serverOptions, host: { type: 'string' } },
  help: { ...serverHelp, host: 'address to listen on (127.0.0.1)' },
  run(call) {
    return runServer(call, String(call.options['host'] ?? '127.0.0.1'), ({ url }) => {
      call.terminal.out(call.json ? JSON.stringify({ url }) : `listening on ${url}`);
    });
  },
};
