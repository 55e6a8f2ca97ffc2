import type { Command } from '../command.ts';
import { hostsOf, runServer, serverHelp, serverOptions } from '../run-server.ts';

export const dev: Command = {
  name: ['dev'],
  summary: 'everything in one process, on this machine only',
  words: '',
  arity: [0, 0],
  options: serverOptions,
  help: serverHelp,
  run(call) {
    return runServer(call, { host: '127.0.0.1', hosts: hostsOf(call) }, ({ url }, services) => {
      if (call.json) return call.terminal.out(JSON.stringify({ url }));
      call.terminal.out(`listening on ${url}; Ctrl-C stops`);
      call.terminal.out(`  curl ${url}/openapi.json`);
      for (const service of services)
        call.terminal.out(`  curl -H content-type:application/json ${url}/v1/features/${service} -d '{"request":{…}}'`);
    });
  },
};
