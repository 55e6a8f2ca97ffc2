/** Whole numbers from `from` to `to`, chosen by `random`. */
function between(random: () => number, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

/**
 * A cluster in which jobs of several pods wait for all of them to be placed: single pods use most GPUs, and pods of gangs are
 * deleted after waiting, though some GPUs are free. CSV texts of pods and nodes, in the columns of the Alibaba v2023 trace.
 */
export function gangWaitPods(random: () => number): { readonly pods: string; readonly nodes: string } {
  const nodeCount = between(random, 4, 12);
  const nodes = [
    'sn,cpu_milli,memory_mib,gpu,model',
    ...Array.from({ length: nodeCount }, (_, at) => `node-${at},96000,786432,8,A100`),
  ];
  const rows = [
    'name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time',
  ];
  const gpus = nodeCount * 8;
  const used = Math.floor(gpus * (0.5 + 0.4 * random()));
  for (let at = 0; at < used; at += 1)
    rows.push(
      `single-${at},8000,65536,1,1000,,LS,Running,${between(random, 0, 100)},${between(random, 50_000, 80_000)},${between(random, 100, 200)}`,
    );
  const gangs = between(random, 3, 10);
  for (let gang = 0; gang < gangs; gang += 1) {
    const created = between(random, 1000, 40_000);
    for (let member = 0; member < between(random, 4, 8); member += 1)
      rows.push(
        `gang-${gang}-${member},8000,65536,1,1000,,LS,Pending,${created},${created + between(random, 300, 4000)},`,
      );
  }
  return { pods: `${rows.join('\n')}\n`, nodes: `${nodes.join('\n')}\n` };
}
