import { totalmem } from 'node:os';

/** Memory that processes here may use. */
export interface MachineMemory {
  /** Bytes of the control group where it has a limit, otherwise of the machine. */
  readonly bytes: number;
  /** Whether it is the limit of a control group, which other programs hardly share. */
  readonly isLimit: boolean;
}

/** The memory of this machine, or of the control group that this process is in. */
export function machineMemory(): MachineMemory {
  const all = totalmem();
  const limit = process.constrainedMemory();
  // Without a limit it is 0, or a number beyond any machine.
  return limit > 0 && limit < all ? { bytes: limit, isLimit: true } : { bytes: all, isLimit: false };
}
