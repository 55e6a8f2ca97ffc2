/** Reads a record in Protobuf by the registry of the first argument where its library is not installed; prints the code. */
import { registerHooks } from 'node:module';
import { isHeadraceError } from '../../../src/base/errors/fail.ts';

registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith('@bufbuild/protobuf')) return next(specifier, context);
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: 'ERR_MODULE_NOT_FOUND' });
  },
});

const { registryFormat } = await import('../../../src/backends/schema-registry/record-format.ts');
const [url = ''] = process.argv.slice(2);
const format = registryFormat({ address: { url, timeoutMs: 60_000 }, columns: {}, now: () => 0 });
const codes: string[] = [];
for (const id of [1, 2])
  try {
    const [{ kind }] = await format.read([Uint8Array.of(0, 0, 0, 0, id, 0x7b, 0x7d)], new AbortController().signal);
    codes.push(kind);
  } catch (error) {
    codes.push(isHeadraceError(error) ? `${error.code} ${error.retry} ${error.hint}` : String(error));
  }
console.log(JSON.stringify(codes));
