import type { SharedMemory } from '../../serving/oip/shared-memory.ts';

const EXTENSIONS = [
  'classification',
  'sequence',
  'model_repository',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
  'generate',
] as const;

/** Extensions of the Open Inference Protocol that a server has. */
export function extensionsOf({ sharedMemory }: { readonly sharedMemory: SharedMemory | null }): readonly string[] {
  return sharedMemory === null ? EXTENSIONS : [...EXTENSIONS, 'system_shared_memory'];
}
