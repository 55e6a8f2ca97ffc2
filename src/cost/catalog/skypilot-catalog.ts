import { fail } from '../../base/errors/fail.ts';
import { csvFields, linesOf } from '../../gpu/readers/csv.ts';
import type { DraftOffer } from './offer.ts';

/** One accelerator, as a `GpuInfo` cell describes it. */
export interface GpuInfo {
  readonly memoryMibEach: number | null;
  /** The number was too small for MiB and was read as GB. */
  readonly unitFixed: boolean;
}

const LARGEST_GB = 1024;

/**
 * Reads a `GpuInfo` cell of a SkyPilot catalogue: a Python literal, in quotes with commas (AWS, Nebius, RunPod), or without (GCP). Only
 * the size of one accelerator is used: the printed total is not trusted, and the name is in another column.
 */
function parseGpuInfo(cell: string): GpuInfo {
  const size = /'SizeInMiB': {0,4}(\d{1,9})/.exec(cell)?.[1];
  if (size === undefined) return { memoryMibEach: null, unitFixed: false };
  const value = Number(size);
  const unitFixed = value > 0 && value < LARGEST_GB;
  return { memoryMibEach: unitFixed ? value * 1024 : value > 0 ? value : null, unitFixed };
}

/** A row of a catalogue by column; an absent column and an empty cell are both undefined. */
interface CatalogRow {
  readonly line: number;
  readonly cell: (column: string) => string | undefined;
}

const needed = ['InstanceType', 'AcceleratorName', 'AcceleratorCount', 'Region', 'Price'] as const;

/**
 * Reads `vms.csv` of a SkyPilot catalogue, schema v8. Columns go by their names, since their order and presence differ per cloud. Rows
 * without accelerators are left out; of GCP they are hosts and are joined. Errors: COST_PRICES.
 */
export function parseSkypilotCatalog(path: string, provider: string, text: string): readonly DraftOffer[] {
  const [header = '', ...lines] = linesOf(text);
  const columns = csvFields(header.replace(/^\uFEFF/, '')).map((name) => name.trim());
  const missing = needed.filter((name) => !columns.includes(name));
  if (missing.length > 0)
    throw fail('COST_PRICES', {
      path,
      reason: `it has no column ${missing.join(', ')}, as a catalogue of SkyPilot has`,
    });
  const rows = lines.flatMap((text, index): readonly CatalogRow[] => {
    if (text.trim() === '') return [];
    const fields = csvFields(text);
    if (fields.length !== columns.length)
      throw fail('COST_PRICES', {
        path,
        reason: `line ${index + 2} has ${fields.length} cells, and the header has ${columns.length}`,
      });
    const cell = (column: string) => {
      const value = fields[columns.findIndex((name) => name.toLowerCase() === column.toLowerCase())]?.trim();
      return value === undefined || value === '' ? undefined : value;
    };
    return [{ line: index + 2, cell }];
  });
  return provider === 'gcp' ? gcpOffers(path, rows) : rows.flatMap((row) => plainOffer(path, provider, row));
}

/** A number of a cell: `8`, `8.0` or empty. Errors: COST_PRICES for text, negative numbers and infinities. */
function numberOf(path: string, row: CatalogRow, column: string): number | null {
  const text = row.cell(column);
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw fail('COST_PRICES', { path, reason: `${column} in line ${row.line} is ${text.slice(0, 40)}` });
  return value;
}

/** A price; 0 is no price, since nobody rents out accelerators for nothing. */
function priceOf(path: string, row: CatalogRow, column: string): number | null {
  const price = numberOf(path, row, column);
  return price === 0 ? null : price;
}

function placeOf(path: string, row: CatalogRow) {
  const region = row.cell('Region');
  if (region === undefined) throw fail('COST_PRICES', { path, reason: `line ${row.line} has no region` });
  return { region, zone: row.cell('AvailabilityZone') ?? null };
}

function plainOffer(path: string, provider: string, row: CatalogRow): readonly DraftOffer[] {
  const accelerator = row.cell('AcceleratorName');
  const count = numberOf(path, row, 'AcceleratorCount') ?? 0;
  if (accelerator === undefined || count === 0) return [];
  const info = parseGpuInfo(row.cell('GpuInfo') ?? '');
  const onDemandUsd = priceOf(path, row, 'Price');
  return [
    {
      provider,
      instanceType: row.cell('InstanceType') ?? null,
      accelerator,
      count,
      gpuMemoryMibEach: info.memoryMibEach,
      ...placeOf(path, row),
      onDemandUsd,
      spotUsd: priceOf(path, row, 'SpotPrice'),
      flags: info.unitFixed ? ['GPU_MEMORY_UNIT_FIXED'] : [],
      perGpuUsd: onDemandUsd === null ? null : onDemandUsd / count,
      quotaGpus: null,
    },
  ];
}

/** Hosts of GCP that are sold only with their accelerators. */
const hosts = [
  { host: /^a2-highgpu-(\d{1,2})g$/, accelerator: 'A100' },
  { host: /^a2-megagpu-(\d{1,2})g$/, accelerator: 'A100' },
  { host: /^a2-ultragpu-(\d{1,2})g$/, accelerator: 'A100-80GB' },
  { host: /^a3-highgpu-(\d{1,2})g$/, accelerator: 'H100' },
] as const;

interface Accelerated {
  readonly accelerator: string;
  readonly count: number;
}

function acceleratorOf(instanceType: string): Accelerated | undefined {
  for (const { host, accelerator } of hosts) {
    const count = Number(host.exec(instanceType)?.[1] ?? 0);
    if (count > 0) return { accelerator, count };
  }
  return undefined;
}

/** `a2-megagpu-16g` for 16 A100, `a2-highgpu-8g` for 8; null where no host is known. */
function hostOf({ accelerator, count }: Accelerated): string | null {
  if (accelerator === 'A100') return count === 16 ? 'a2-megagpu-16g' : `a2-highgpu-${count}g`;
  if (accelerator === 'A100-80GB') return `a2-ultragpu-${count}g`;
  return accelerator === 'H100' ? `a3-highgpu-${count}g` : null;
}

/** A price of GCP is a host row and an accelerator row of the same zone; one alone is no price. */
function gcpOffers(path: string, rows: readonly CatalogRow[]): readonly DraftOffer[] {
  const parts = new Map<string, CatalogRow>();
  const memory = new Map<string, number | null>();
  const accelerators: { readonly row: CatalogRow; readonly one: Accelerated }[] = [];
  for (const row of rows) {
    const accelerator = row.cell('AcceleratorName');
    const count = numberOf(path, row, 'AcceleratorCount') ?? 0;
    if (accelerator === undefined || count === 0 || row.cell('InstanceType') !== undefined) continue;
    accelerators.push({ row, one: { accelerator, count } });
    parts.set(partKey(path, row, { accelerator, count }), row);
    memory.set(accelerator, parseGpuInfo(row.cell('GpuInfo') ?? '').memoryMibEach);
  }
  const joined = new Set<CatalogRow>();
  const fromHosts = rows.flatMap((host): readonly DraftOffer[] => {
    const instanceType = host.cell('InstanceType');
    if (instanceType === undefined) return [];
    const one = acceleratorOf(instanceType);
    if (one === undefined) return plainOffer(path, 'gcp', host);
    const part = parts.get(partKey(path, host, one));
    if (part !== undefined) joined.add(part);
    return [joinedOffer(path, { host, part, one, instanceType, memory: memory.get(one.accelerator) ?? null })];
  });
  const alone = accelerators
    .filter(({ row }) => !joined.has(row))
    .map(({ row, one }) =>
      joinedOffer(path, {
        host: undefined,
        part: row,
        one,
        instanceType: hostOf(one),
        memory: memory.get(one.accelerator) ?? null,
      }),
    );
  return [...fromHosts, ...alone];
}

function partKey(path: string, row: CatalogRow, { accelerator, count }: Accelerated): string {
  const { region, zone } = placeOf(path, row);
  return `${zone ?? region}/${accelerator}/${count}`;
}

interface Parts {
  readonly host: CatalogRow | undefined;
  readonly part: CatalogRow | undefined;
  readonly one: Accelerated;
  readonly instanceType: string | null;
  readonly memory: number | null;
}

function joinedOffer(path: string, { host, part, one, instanceType, memory }: Parts): DraftOffer {
  const row = host ?? part;
  if (row === undefined) throw fail('COST_PRICES', { path, reason: 'a row has neither host nor accelerator' });
  const price = (from: CatalogRow | undefined, column: string) =>
    from === undefined ? null : priceOf(path, from, column);
  const sum = (column: string) => {
    const [a, b] = [price(host, column), price(part, column)];
    return a === null || b === null ? null : Math.round((a + b) * 1e6) / 1e6;
  };
  const [demand, spot] = [price(part, 'Price'), price(part, 'SpotPrice')];
  return {
    provider: 'gcp',
    instanceType,
    ...one,
    gpuMemoryMibEach: memory,
    ...placeOf(path, row),
    onDemandUsd: sum('Price'),
    spotUsd: sum('SpotPrice'),
    flags: [
      ...(host === undefined ? (['HOST_ROW_MISSING'] as const) : []),
      ...(part === undefined ? (['ACCELERATOR_ROW_MISSING'] as const) : []),
      ...(demand !== null && spot !== null && spot >= 0.999 * demand ? (['COMPONENT_SPOT_GE_ONDEMAND'] as const) : []),
    ],
    perGpuUsd: demand === null ? null : demand / one.count,
    quotaGpus: null,
  };
}
