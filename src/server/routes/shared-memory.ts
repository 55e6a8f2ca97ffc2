import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { jsonOf } from '../../serving/oip/parse-infer.ts';
import { memoryOf, type Region } from '../../serving/oip/shared-memory.ts';
import { refuse } from '../../versions/request/refuse.ts';
import { bodyOf } from '../oip/infer-route.ts';
import { json, jsonAnswer, type ReadRoute } from '../route.ts';

const base = {
  tag: 'inference',
  access: 'reads',
  takesBytes: true,
  errors: ['OIP_REQUEST', 'OIP_UNSUPPORTED'],
} as const;

type Kind = 'system' | 'cuda';
const NAMES = { system: 'SystemSharedMemory', cuda: 'CudaSharedMemory' } as const;
const WORDS = { system: 'shared memory', cuda: 'shared memory of CUDA' } as const;

const regions = z.array(z.object({ name: z.string(), key: z.string(), offset: z.int(), byte_size: z.int() }));
const empty = z.object({});

function written({ name, key, offset, byteSize }: Region): object {
  return { name, key, offset, byte_size: byteSize };
}

/** The routes of all regions, and of one. */
function statusRoutes(kind: Kind): readonly ReadRoute[] {
  return ['', '/region/{region}'].map(
    (part): ReadRoute => ({
      ...base,
      method: 'GET',
      path: `/v2/${kind}sharedmemory${part}/status`,
      operationId: `${kind}SharedMemory${part === '' ? '' : 'Region'}Status`,
      scopes: ['read'],
      changes: null,
      page: {
        takes: '',
        answers: part === '' ? `\`[{name, key, offset, byte_size}]\` of ${WORDS[kind]}` : 'one of them',
      },
      shapes: (_, define) => [
        { summary: `Regions of ${WORDS[kind]}.`, answers: { 200: json(define('SharedMemoryRegions', regions)) } },
      ],
      run: ({ served }, { params }) => {
        if (kind === 'cuda') return jsonAnswer([]);
        return jsonAnswer(memoryOf(served.models.sharedMemory).status(params['region']).map(written));
      },
    }),
  );
}

function unregisterRoutes(kind: Kind): readonly ReadRoute[] {
  return ['', '/region/{region}'].map(
    (part): ReadRoute => ({
      ...base,
      method: 'POST',
      path: `/v2/${kind}sharedmemory${part}/unregister`,
      operationId: `unregister${NAMES[kind]}${part === '' ? '' : 'Region'}`,
      scopes: ['admin'],
      changes: 'memory',
      page: {
        takes: 'nothing',
        answers: part === '' ? `\`{}\`; forgets all regions of ${WORDS[kind]}` : 'the same of one',
      },
      shapes: (_, define) => [
        { summary: `Forgets regions of ${WORDS[kind]}.`, answers: { 200: json(define('Empty', empty)) } },
      ],
      run: ({ served }, { params }) => {
        if (kind === 'system') memoryOf(served.models.sharedMemory).unregister(params['region']);
        return jsonAnswer({});
      },
    }),
  );
}

function registerRoute(kind: Kind): ReadRoute {
  return {
    ...base,
    method: 'POST',
    path: `/v2/${kind}sharedmemory/region/{region}/register`,
    operationId: `register${NAMES[kind]}`,
    scopes: ['admin'],
    changes: 'memory',
    page: {
      takes: kind === 'cuda' ? '' : '`{key, offset, byte_size}`',
      answers: kind === 'cuda' ? 'not supported' : '`{}`',
    },
    shapes: (_, define) => [
      { summary: `Registers a region of ${WORDS[kind]}.`, answers: { 200: json(define('Empty', empty)) } },
    ],
    run: ({ served }, { params, body }) => {
      if (kind === 'cuda') throw fail('OIP_UNSUPPORTED', { reason: WORDS.cuda });
      memoryOf(served.models.sharedMemory).register(regionOf(params['region'] ?? '', bodyOf(body)));
      return jsonAnswer({});
    },
  };
}

/** The region that a body describes. Error: OIP_REQUEST. */
function regionOf(name: string, body: Uint8Array): Region {
  const { key, offset = 0, byte_size: byteSize } = jsonOf(body);
  if (typeof key === 'string' && typeof offset === 'number' && typeof byteSize === 'number')
    return { name, key, offset, byteSize };
  throw refuse(`shared memory region '${name}' needs a text 'key', and numbers 'offset' and 'byte_size'`);
}

/** Tensors in memory that a client on the same machine shares. */
export const sharedMemoryRoutes: readonly ReadRoute[] = (['system', 'cuda'] as const).flatMap((kind) => [
  ...statusRoutes(kind),
  registerRoute(kind),
  ...unregisterRoutes(kind),
]);
