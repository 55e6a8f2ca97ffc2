/** A record as a reader found it. */
export interface FoundRecord {
  readonly partition: number;
  readonly offset: number;
  readonly id: string;
  /** Of inputs it is not looked at. */
  readonly payload: string;
}

/** What was found in the topics of a stream. */
export interface FoundTopics {
  readonly partitions: number;
  readonly inputs: readonly FoundRecord[];
  readonly outputs: readonly FoundRecord[];
  readonly control: readonly FoundRecord[];
  /** The values of an event's key columns, in the order of their names in the service. */
  readonly keyOf: (id: string) => readonly string[];
}

export interface Verdict {
  readonly records: number;
  readonly outputs: number;
  readonly lost: number;
  /** Offsets with several outputs, and ids with several scores. */
  readonly double: number;
  /** Events again: each names the output of the first. */
  readonly repeats: number;
  readonly wrong: number;
  readonly plans: number;
  readonly claims: number;
  readonly versions: readonly number[];
}

interface Entry {
  readonly from: number;
  readonly plan: number;
  readonly version: number;
  readonly canary: { readonly version: number; readonly buckets: number; readonly salt: string } | null;
}

interface PlanRecord {
  readonly plan: number;
  readonly to: { readonly version: number };
  readonly cutOver: { readonly kind: string; readonly buckets: number; readonly salt: string };
}

/** Folds the control log by its own words, and judges every output by that map. It shares no code with the stream. */
export function judgeRecords({ partitions, inputs, outputs, control, keyOf }: FoundTopics): Verdict {
  const { map, plans, claims } = mapOf(partitions, control);
  const found = { records: inputs.length, outputs: outputs.length, lost: 0, double: 0, repeats: 0, wrong: 0 };
  const idAt = new Map(inputs.map(({ partition, offset, id }) => [`${partition}/${offset}`, id]));
  const seen = new Set<string>();
  const versions = new Set<number>();
  const scored = new Map<string, string>();
  const repeats: { readonly id: string; readonly first: string }[] = [];
  for (const { partition, id, payload } of outputs) {
    const output = JSON.parse(payload);
    const place = `${partition}/${output.offset}`;
    if (seen.has(place)) {
      found.double += 1;
      continue;
    }
    seen.add(place);
    versions.add(output.version);
    if (output.first !== undefined) repeats.push({ id, first: `${partition}/${output.first}` });
    else if (output.score !== null && scored.has(id)) found.double += 1;
    else if (output.score !== null) scored.set(id, place);
    const [entry] = map[partition].filter(({ from }) => from <= output.offset).slice(-1);
    const { canary } = entry;
    const key = JSON.stringify(id === '' ? [''] : keyOf(id));
    const isCanary = canary !== null && fnv(`${canary.salt}\n${key}`) % 10_000 < canary.buckets;
    if (output.version !== (isCanary ? canary.version : entry.version) || idAt.get(place) !== id) found.wrong += 1;
  }
  for (const { id, first } of repeats) {
    found.repeats += 1;
    if (idAt.get(first) !== id || (scored.get(id) ?? first) !== first) found.wrong += 1;
  }
  for (const place of idAt.keys()) if (!seen.has(place)) found.lost += 1;
  return { ...found, plans, claims, versions: [...versions].sort((a, b) => a - b) };
}

function mapOf(partitions: number, control: readonly FoundRecord[]) {
  const map: Entry[][] = Array.from({ length: partitions }, () => []);
  const epochs = new Array<number>(partitions).fill(0);
  let plan: PlanRecord | null = null;
  let [plans, lastPlan] = [0, 0];
  let acks = new Map<number, { epoch: number; ceiling: number }>();
  for (const { payload } of control) {
    const record = JSON.parse(payload);
    if (record.kind === 'first' && map[0].length === 0)
      for (const entries of map) entries.push({ from: 0, plan: 0, version: record.version.version, canary: null });
    if (record.kind === 'claim') epochs[record.partition] = Math.max(epochs[record.partition], record.epoch);
    const isNext = record.kind === 'plan' && record.plan === lastPlan + 1;
    if (isNext && (plan === null || plan.plan === record.replaces)) {
      [plan, lastPlan, acks] = [record, record.plan, new Map()];
    }
    if (record.kind === 'ack' && record.plan === plan?.plan && record.epoch === epochs[record.partition]) {
      const ceiling = Math.max(record.ceiling, acks.get(record.partition)?.ceiling ?? 0);
      acks.set(record.partition, { epoch: record.epoch, ceiling });
    }
    if (record.kind === 'abort' && record.plan === plan?.plan) plan = null;
    const isPassed = record.kind === 'passed' && record.plan === plan?.plan;
    if (isPassed && record.epoch === epochs[record.partition]) plan = null;
    if (record.kind !== 'commit' || record.plan !== plan?.plan) continue;
    if (epochs.some((epoch, p) => acks.get(p)?.epoch !== epoch)) continue;
    plans += 1;
    if (plan?.cutOver.kind === 'cancel') {
      const reached = map.flatMap((entries, p) => entries.filter(({ from }) => from < record.barriers[p]));
      const newest = Math.max(0, ...reached.map((entry) => entry.plan));
      for (const [p, entries] of map.entries()) map[p] = entries.filter((entry) => entry.plan <= newest);
      plan = null;
      continue;
    }
    for (const [p, all] of map.entries()) {
      // Nobody had begun an offset from the barrier on.
      const entries = all.filter(({ from }) => from <= record.barriers[p]);
      map[p] = entries;
      const canary = plan?.cutOver.kind === 'canary-keys' ? { ...plan.cutOver, version: plan.to.version } : null;
      const before = entries[entries.length - 1].version;
      const version = canary === null ? (plan?.to.version ?? -1) : before;
      entries.push({ from: record.barriers[p], plan: plan?.plan ?? -1, version, canary });
    }
    plan = null;
  }
  return { map, plans, claims: epochs.reduce((sum, epoch) => sum + epoch, 0) };
}

/** FNV-1a, 32 bits, of UTF-8 text. */
function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
