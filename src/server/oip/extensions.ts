/** Extensions of the Open Inference Protocol that the server has. */
export const EXTENSIONS = [
  'classification',
  'sequence',
  'model_repository',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
  'generate',
  'system_shared_memory',
] as const;
