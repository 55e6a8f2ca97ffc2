import { z } from 'zod';
import { logBounds } from '../../ports/options.ts';

/** In this process, with files in the directory of the environment. */
export const embeddedOptions = z.strictObject({ kind: z.literal('embedded') });

export const embeddedLogOptions = z.strictObject({ kind: z.literal('embedded').default('embedded'), ...logBounds });
