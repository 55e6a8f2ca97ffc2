import { join } from 'node:path';
import type { Binary } from './binaries.ts';
import { isRunning, type Server, startServer, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';

/** A service that is one server, empty at its start. */
export function singleServer(name: string, binaryOf: () => Promise<Binary>): Service {
  const variable = `${name.toUpperCase()}_URL`;
  const told = ({ port }: Server) => ({ [variable]: `redis://127.0.0.1:${port}` });
  const running = () => {
    const server = readState<Server>(name);
    return server !== null && isRunning(server) ? server : null;
  };
  return {
    name,
    sets: [variable],
    async fetch() {
      await binaryOf();
    },
    async up() {
      const known = running();
      if (known !== null) return told(known);
      const binary = await binaryOf();
      const [port] = await freePorts(1);
      const server = await startServer({ binary, port, directory: join(runFolder(name), 'data') });
      writeState(name, server);
      return told(server);
    },
    async down() {
      const server = running();
      if (server !== null) await stopServer(server);
      removeRunFolder(name);
    },
    async status() {
      const server = running();
      return server === null ? null : told(server);
    },
  };
}
