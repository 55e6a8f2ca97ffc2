import { command, served } from '../command.ts';
import { flag, option } from '../options/option.ts';
import { whole } from '../options/option-kinds.ts';
import { listenOptions, listenOptionsOf } from '../serve/listen-options-of.ts';
import { pageOf, runReadServer, runServer, serverOptions } from '../serve/run-server.ts';
import { sayListening } from '../serve/say-listening.ts';
import { workerPart } from '../serve/worker-part.ts';

const MOST_WORKERS = 64;

export const serve = command({
  name: ['serve'],
  stop: [served()],
  summary: 'runs the HTTP server; listening outside this machine requires API keys and TLS',
  words: '',
  arity: [0, 0],
  options: {
    ...serverOptions,
    ...listenOptions,
    workers: option(whole(1, MOST_WORKERS), 'number of reading processes that share the port, next to one that writes'),
    'read-only': flag('serve the data of another process, on this machine or in a shared store'),
  },
  async run(call) {
    const listen = listenOptionsOf(call);
    const part = workerPart();
    if (part !== null) {
      // A Ctrl-C reaches every process of the group. The first process says when a worker ends.
      void call.terminal.stopped;
      return (await import('../serve/serve-worker.ts')).runWorker(call, listen, part);
    }
    const started = (url: string) => sayListening(call, url, pageOf(call, url));
    const { workers, 'read-only': readOnly } = call.options;
    if (workers !== undefined)
      return (await import('../serve/serve-group.ts')).serveGroup(call, listen.host, workers, readOnly, started);
    if (readOnly) return runReadServer(call, listen, ({ url }) => started(url));
    return runServer(call, listen, ({ url }) => started(url));
  },
});
