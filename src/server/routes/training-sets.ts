import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance } from 'fastify';
import { fail, HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { Headrace } from '../../headrace.ts';
import { SPINE_TYPES } from '../spine-types.ts';

/** Largest spine that is taken as a body where nothing else is said, bytes: it goes to the disk as it comes. */
const SPINE_LIMIT = 256 * 2 ** 20;

const PARQUET = 'application/vnd.apache.parquet';

interface Query {
  readonly mode?: string;
  readonly time?: string;
  readonly columns?: string;
}

/**
 * `POST /v1/training-sets/{service}`: the body is a spine, in Parquet, CSV or JSON lines by its content type; the answer
 * is the training set as Parquet, or with `accept: application/json` the path that it lies at, below the directory of the environment.
 */
export function trainingSetRoutes(server: FastifyInstance, headrace: Headrace, spineLimit = SPINE_LIMIT): void {
  server.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload));
    scope.post<{ Params: { service: string }; Querystring: Query }>(
      '/v1/training-sets/:service',
      async (request, reply) => {
        const service = headrace.service(request.params.service);
        const format = SPINE_TYPES[(request.headers['content-type'] ?? '').split(';')[0].trim()];
        if (format === undefined) throw fail('SERVER_MEDIA_TYPE', {});
        const { mode, time, columns } = parseQuery(request.query);
        const name = `${service.name}-${randomUUID()}`;
        tooLong(request.headers['content-length'], spineLimit);
        const path = headrace.trainingSetPath(`${name}.parquet`);
        const body = headrace.trainingSetPath(`${name}.body`);
        try {
          await pipeline(request.raw, limited(spineLimit), createWriteStream(body));
          // Nobody takes the answer any longer.
          const gone = new AbortController();
          reply.raw.once('close', () => gone.abort());
          const spine = { path: body, format, columns, ...(time === undefined ? {} : { time }) };
          const written = await headrace.writeTrainingSet(service, path, { spine, mode, signal: gone.signal });
          if ((request.headers.accept ?? '').includes('application/json'))
            return reply.type('application/json').send(JSON.stringify(written));
        } catch (error) {
          throw withoutPaths(error, [path, body]);
        } finally {
          rmSync(body, { force: true });
        }
        const file = createReadStream(path);
        file.once('close', () => rmSync(path, { force: true }));
        return reply.type(PARQUET).send(file);
      },
    );
    done();
  });
}

function parseQuery({ mode = 'corrected', time, columns = '', ...others }: Query): {
  readonly mode: ReadMode;
  readonly time: string | undefined;
  readonly columns: Readonly<Record<string, string>>;
} {
  const [other] = Object.keys(others);
  if (other !== undefined) throw fail('SERVER_BODY', { reason: `the query has "${other.slice(0, 50)}"` });
  if (mode !== 'corrected' && mode !== 'as-known')
    throw fail('SERVER_BODY', { reason: 'the mode is neither corrected nor as-known' });
  const pairs = columns === '' ? [] : columns.split(',').map((pair) => pair.split('='));
  if (pairs.some((pair) => pair.length !== 2)) throw fail('SERVER_BODY', { reason: 'columns is not request=column,…' });
  return { mode, time, columns: Object.fromEntries(pairs) };
}

/** An error that names the files of this machine, as who sent the spine knows them. */
function withoutPaths(error: unknown, [path, body]: readonly [string, string]): unknown {
  if (!isHeadraceError(error)) return error;
  const facts = Object.entries(error.facts).map(([name, fact]) => {
    const isText = typeof fact === 'string';
    return [name, isText ? fact.replaceAll(body, 'the body').replaceAll(path, 'the training set') : fact];
  });
  return new HeadraceError(error.code, Object.fromEntries(facts), error);
}

/** Refuses a body by its declared length, before any of it is read. Error: SERVER_SPINE_SIZE. */
function tooLong(length: string | undefined, most: number): void {
  if (Number(length ?? 0) > most) throw fail('SERVER_SPINE_SIZE', { most });
}

/** Passes bytes on up to a limit. Error: SERVER_SPINE_SIZE. */
function limited(most: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      size += chunk.length;
      if (size > most) done(fail('SERVER_SPINE_SIZE', { most }));
      else done(null, chunk);
    },
  });
}
