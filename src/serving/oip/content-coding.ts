import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { MOST_VALUES } from '../../schema/json-bounds.ts';
import { refuse } from '../../versions/request/refuse.ts';

/** Codings of a body; deflate has the wrapper of zlib, as HTTP has it. */
export type Coding = 'gzip' | 'deflate';

type Call = (bytes: Uint8Array, options: object, done: (error: Error | null, result: Buffer) => void) => void;

/** A body without its coding. */
export interface Decoded {
  readonly bytes: Buffer;
  /** JSON values that it may have: bytes that cost little to send must not cost much to read. */
  readonly mostValues: number;
}

/** A coded body may have this many times its size, and this size in any case, bytes. */
const MOST_RATIO = 32;
const SMALL_BYTES = 2 ** 20;

/** A coded body may have as many JSON values as bytes, and this number in any case. */
const FEW_VALUES = 2 ** 16;

/**
 * Undoes the coding of a request's body. The result is bounded by `most`, and by the size of the body. Errors: OIP_REQUEST,
 * OIP_UNSUPPORTED.
 */
export async function decoded(body: Buffer, coding: string | undefined, most: number): Promise<Decoded> {
  const name = coding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '') return { bytes: body, mostValues: MOST_VALUES };
  if (name !== 'gzip' && name !== 'deflate')
    throw fail('OIP_UNSUPPORTED', { reason: `Unsupported compression type '${name.slice(0, 40)}'` });
  const maxOutputLength = Math.min(most, Math.max(SMALL_BYTES, MOST_RATIO * body.length));
  try {
    const bytes = await called(name === 'gzip' ? gunzip : inflate, body, { maxOutputLength });
    return { bytes, mostValues: Math.min(MOST_VALUES, Math.max(FEW_VALUES, body.length)) };
  } catch (error) {
    if (Object(error).code === 'ERR_BUFFER_TOO_LARGE')
      throw refuse(
        `the ${name} body has more than ${maxOutputLength} bytes, the limit for its size: send it without compression`,
      );
    throw refuse(`the ${name} body cannot be read: ${reasonOf(error)}`);
  }
}

/** Codes the body of an answer. */
export function coded(body: Buffer, coding: Coding): Promise<Buffer> {
  return called(coding === 'gzip' ? gzip : deflate, body, {});
}

/** The coding that a caller prefers: the greatest q, of equal ones the first; null: none. */
export function preferredCoding(accept: string | undefined): Coding | null {
  let best: Coding | null = null;
  let bestQ = 0;
  for (const part of accept?.split(',') ?? []) {
    const [name = '', ...options] = part.split(';').map((one) => one.trim().toLowerCase());
    if (name !== 'gzip' && name !== 'deflate' && name !== 'identity') continue;
    const given = options.find((one) => one.startsWith('q='));
    const q = given === undefined ? 1 : Number(given.slice(2));
    if (!(q > bestQ)) continue;
    bestQ = q;
    best = name === 'identity' ? null : name;
  }
  return best;
}

function called(call: Call, body: Uint8Array, options: object): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    call(body, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
