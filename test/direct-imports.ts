import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';

const root = new URL('..', import.meta.url).href;

/**
 * Vitest receives a message for each import of each module, which only watching needs: a worker that loads the sources sends
 * thousands. A path from one source to another is resolved here, before its hook. All other imports are resolved as ever.
 */
if (process.env['VITEST_MODE'] === 'RUN')
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = sourceUrl(specifier, context.parentURL);
      return url !== undefined && existsSync(url)
        ? { url: url.href, shortCircuit: true }
        : nextResolve(specifier, context);
    },
  });

function sourceUrl(specifier: string, parent: string | undefined): URL | undefined {
  const isSource = parent?.startsWith(root) && !parent.includes('/node_modules/') && /^\.\.?\/.*\.ts$/.test(specifier);
  return isSource ? new URL(specifier, parent) : undefined;
}
