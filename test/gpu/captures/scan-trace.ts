import { TraceScanner } from '../../../src/gpu/readers/trace/trace-scanner.ts';
import type { Trace } from '../../../src/gpu/trace/trace.ts';

/** A whole trace in memory, read at once. Errors: GPU_NOT_A_TRACE, GPU_MEMORY_TIMELINE. */
export function scanTrace(bytes: Uint8Array): Trace {
  const scanner = new TraceScanner();
  scanner.push(bytes);
  return scanner.end();
}
