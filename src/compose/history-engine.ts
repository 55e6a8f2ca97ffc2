import { resolve } from 'node:path';
import type { ConnectOptions } from '../backends/spark/connect/link.ts';
import { sparkHistoryEngine } from '../backends/spark/history-engine.ts';
import type { SparkOptions } from '../backends/spark/submit.ts';
import type { Environment } from '../environment/config.ts';
import type { HistoryEngine } from '../ports/history-engine.ts';
import { pemOf, secretOf } from './secrets.ts';

type Engine = Environment['offline']['engine'];

/** What Connect servers listen on where nobody says. */
const CONNECT_PORT = 15_002;

/** What computes over the history of an environment; null: the offline store itself. Errors: CONFIG_SECRET, CONFIG_TLS. */
export function historyEngine({ directory, offline: { engine } }: Environment): HistoryEngine | null {
  // Absolute: machines of the cluster reach it by this name.
  return engine.kind === 'embedded' ? null : sparkHistoryEngine(sparkOptions(engine), historyFolder({ directory }));
}

/** Where what is computed lies until it is taken. */
export function historyFolder({ directory }: Pick<Environment, 'directory'>): string {
  return resolve(directory, 'spark');
}

function sparkOptions(engine: Exclude<Engine, { kind: 'embedded' }>): SparkOptions | ConnectOptions {
  if (engine.kind === 'spark') return engine;
  const { url, token, tls, conf } = engine;
  const host = url.slice('sc://'.length);
  return {
    address: /:\d+$/.test(host) ? host : `${host}:${CONNECT_PORT}`,
    token: token === undefined ? null : secretOf(token, 'offline.engine.token'),
    tls: tls === undefined ? null : pemOf(tls),
    conf,
  };
}
