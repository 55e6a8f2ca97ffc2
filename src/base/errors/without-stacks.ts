/**
 * Runs work that makes an error for each of many rows, without their stacks. A stack costs several times what the rest of the error does,
 * and an error that is an answer to a row is never traced. The work is synchronous: errors of others keep their stacks.
 */
export function withoutStacks<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
