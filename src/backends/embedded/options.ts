import { z } from 'zod';
import { logBounds, registryFields } from '../../ports/options.ts';

/** In this process, with files in the directory of the environment. */
export const embeddedOptions = z.strictObject({ kind: z.literal('embedded') });

export const embeddedLogOptions = z.strictObject({ kind: z.literal('embedded').default('embedded'), ...logBounds });

/** The registry in files of the directory. */
export const embeddedRegistryOptions = z.strictObject({
  kind: z.literal('embedded').default('embedded'),
  ...registryFields,
});

/** Artefacts in files of the directory. */
export const directoryOptions = z.strictObject({ kind: z.literal('directory') });
