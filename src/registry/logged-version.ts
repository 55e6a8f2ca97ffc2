import type { ModelSignature, ModelVersion, VersionRecord } from '../ports/model-registry.ts';
import { lineageOf } from './lineage.ts';

/** A version that another program logged, in the shape of one that a training job made: as far as its tags tell. */
export function loggedVersion(
  record: VersionRecord,
  signature: ModelSignature,
  metrics: ModelVersion['metrics'] = {},
): ModelVersion {
  const { model, version, createdAt, digest } = record;
  const { declaration, service, trainingSet, reference, decision, rows } = lineageOf(record);
  return {
    model,
    version,
    signature,
    lineage: {
      declaration: declaration ?? '',
      service: service ?? '',
      trainingSet: { digest: trainingSet ?? '', rows: rows ?? 0, unlabelled: 0, from: null, to: null, mode: '' },
      trainer: {},
      ...(reference === null ? {} : { reference }),
      ...(decision === null ? {} : { decision }),
    },
    metrics,
    artifact: digest ?? '',
    parity: '',
    createdAt,
  };
}
