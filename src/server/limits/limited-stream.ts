import { Transform } from 'node:stream';
import type { HeadraceError } from '../../base/errors/fail.ts';

/** Most bytes of a body that goes to the disk as it comes, and the error of a larger one. */
export interface StreamLimit {
  readonly most: number;
  readonly tooLarge: () => HeadraceError;
}

/** Refuses a body by its declared length, before any of it is read. */
export function checkLength(length: string | undefined, { most, tooLarge }: StreamLimit): void {
  if (Number(length ?? 0) > most) throw tooLarge();
}

/** Passes bytes on up to a limit. */
export function limited({ most, tooLarge }: StreamLimit): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      size += chunk.length;
      if (size > most) done(tooLarge());
      else done(null, chunk);
    },
  });
}
