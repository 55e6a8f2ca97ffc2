import type { ModelRegistry } from '../../src/ports/model-registry.ts';

/** Versions that the waiting deliveries name, in ascending order; each delivery is finished. */
export async function deliveredVersions(registry: ModelRegistry): Promise<readonly number[]> {
  const versions: number[] = [];
  for (;;) {
    const delivery = await registry.takeDelivery(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    if (delivery === null) return versions.sort((a, b) => a - b);
    versions.push(Number(JSON.parse(delivery.body).data.version));
    await registry.finishDelivery(delivery.no);
  }
}
