import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { refuse } from './refuse.ts';

/** Codings of a body; deflate has the wrapper of zlib, as HTTP has it. */
export type Coding = 'gzip' | 'deflate';

type Call = (bytes: Uint8Array, options: object, done: (error: Error | null, result: Buffer) => void) => void;

/** Undoes the coding of a request's body; no more than `most` bytes come out. Errors: OIP_REQUEST, OIP_UNSUPPORTED. */
export async function decoded(body: Buffer, coding: string | undefined, most: number): Promise<Buffer> {
  const name = coding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '') return body;
  if (name !== 'gzip' && name !== 'deflate')
    throw fail('OIP_UNSUPPORTED', { reason: `Unsupported compression type '${name.slice(0, 40)}'` });
  try {
    return await called(name === 'gzip' ? gunzip : inflate, body, { maxOutputLength: most });
  } catch (error) {
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
