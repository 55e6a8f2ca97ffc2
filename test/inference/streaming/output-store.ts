/** An output as a store keeps it: its version is what the invariants are about. */
export interface StoredOutput {
  readonly offset: number;
  readonly version: number;
}

/** Outputs of the offsets [from, to) of one partition, by the owner of an epoch. */
export interface OutputBatch<O extends StoredOutput> {
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly outputs: readonly O[];
}

/** A partition of an output store. */
export interface OutputPartition<O extends StoredOutput> {
  readonly epoch: number;
  /** The next offset of the input. */
  readonly next: number;
  readonly outputs: readonly O[];
}

/**
 * The partition after its owner has fenced it: owners of earlier epochs can no longer commit. The same partition where a later owner has
 * fenced it already.
 */
export function fenced<O extends StoredOutput>(partition: OutputPartition<O>, epoch: number): OutputPartition<O> {
  return epoch > partition.epoch ? { ...partition, epoch } : partition;
}

/**
 * The partition after a commit: outputs and next offset together. The same partition where the owner is not the one that fenced it
 * last, or its outputs do not begin at the next offset.
 */
export function withOutputs<O extends StoredOutput>(
  partition: OutputPartition<O>,
  batch: OutputBatch<O>,
): OutputPartition<O> {
  if (batch.epoch !== partition.epoch) return partition;
  if (batch.from !== partition.next) return partition;
  return { ...partition, next: batch.to, outputs: [...partition.outputs, ...batch.outputs] };
}
