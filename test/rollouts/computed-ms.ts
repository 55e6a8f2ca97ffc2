/** How long this process has computed, ms: a run takes as much of it on a busy machine as on an idle one. */
export function computedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
