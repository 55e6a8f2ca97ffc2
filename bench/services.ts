import type { Service } from '../scripts/services/service.ts';

/** Works with services of this machine: those that run, and others that are started for it and ended again. Gives them by their variables. */
export async function withServices(
  services: readonly Service[],
  work: (told: Readonly<Record<string, string>>) => Promise<void>,
): Promise<void> {
  const started: Service[] = [];
  const told: Record<string, string> = {};
  try {
    for (const service of services) {
      if ((await service.status()) === null) started.push(service);
      Object.assign(told, await service.up());
    }
    await work(told);
  } finally {
    for (const service of started.reverse()) await service.down();
  }
}
