import type { GangPrograms } from '../../src/testing/contracts/training-backend.ts';

/** The programs of the contract, for back ends that run commands. */
export const shellPrograms: GangPrograms = {
  prints: ['sh', '-c', 'echo "rank $HEADRACE_RANK"'],
  fails: ['sh', '-c', 'i=0; while [ $i -lt 100 ]; do echo "line $i"; i=$((i + 1)); done; exit 3'],
  waits: ['sh', '-c', 'trap "echo saved; exit 143" TERM; echo ready; while :; do sleep 0.05; done'],
};
