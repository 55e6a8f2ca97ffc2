import { type Command, served } from '../command.ts';
import { listenOptionsOf } from '../listen-options-of.ts';
import { wholeOption } from '../parse-option.ts';
import { runReadServer, runServer, serverHelp, serverOptions } from '../run-server.ts';
import { workerPart } from '../worker-part.ts';

const MOST_WORKERS = 64;

export const serve: Command = {
  name: ['serve'],
  stop: [served()],
  summary: 'runs the HTTP server; listening outside this machine requires API keys and TLS',
  words: '',
  arity: [0, 0],
  options: {
    ...serverOptions,
    host: { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    'tls-at-proxy': { type: 'boolean' },
    workers: { type: 'string' },
    'read-only': { type: 'boolean' },
  },
  help: {
    ...serverHelp,
    host: 'address to listen on (127.0.0.1)',
    'tls-cert': 'certificate with its chain, a PEM file',
    'tls-key': 'its private key, a PEM file',
    'tls-at-proxy': 'a proxy in front of the server terminates TLS',
    workers: 'number of reading processes that share the port, next to one that writes',
    'read-only': 'serve the data of another process, on this machine or in a shared store',
  },
  async run(call) {
    const listen = listenOptionsOf(call);
    const part = workerPart();
    if (part !== null) {
      // A Ctrl-C reaches every process of the group. The first process says when a worker ends.
      void call.terminal.stopped;
      return (await import('../serve-worker.ts')).runWorker(call, listen, part);
    }
    const started = (url: string) => call.terminal.out(call.json ? JSON.stringify({ url }) : `listening on ${url}`);
    const workers = wholeOption('workers', call.options['workers'], 0, 1, MOST_WORKERS);
    const readOnly = call.options['read-only'] === true;
    if (workers > 0)
      return (await import('../serve-group.ts')).serveGroup(call, listen.host, workers, readOnly, started);
    if (readOnly) return runReadServer(call, listen, ({ url }) => started(url));
    return runServer(call, listen, ({ url }) => started(url));
  },
};
