import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { heldBy } from './held-bytes.ts';
import { readWhole } from './read-whole.ts';
import { type RequestHeld, requestHeld } from './request-held.ts';

const held = new WeakMap<FastifyRequest, RequestHeld>();

/** Has the requests of a server count what they hold until they are over. */
export function holdBodies(server: FastifyInstance): void {
  server.addHook('preParsing', (request, reply, payload, done) => {
    heldOf(request, reply);
    done(null, payload);
  });
}

/** The memory that a request holds. */
export function heldOf(request: FastifyRequest, reply: FastifyReply): RequestHeld {
  const known = held.get(request);
  if (known !== undefined) return known;
  const made = requestHeld(request.raw, reply.raw);
  held.set(request, made);
  return made;
}

/** Reads a body as bytes. Errors: SERVER_BODY_SIZE, SERVER_HELD, those of the connection. */
export async function readHeld(request: FastifyRequest, payload: Readable): Promise<Buffer> {
  const own = held.get(request);
  const { bytes, heldBytes } = await readWhole(payload, {
    most: request.routeOptions.bodyLimit,
    said: request.headers['content-length'],
    held: heldBy(request.raw.socket),
  });
  own?.adopt(heldBytes);
  return bytes;
}
