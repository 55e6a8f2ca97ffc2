import { fail } from '../../base/errors/fail.ts';

/** Why the features of a version are not judged: the code of the lack, and the command that ends it. */
export function lacksReference(model: string, version: number): string {
  const { code, message, hint } = fail('DRIFT_REFERENCE', { model, version });
  return `${code}: ${message}; ${hint}`;
}
