import { z } from 'zod';
import { sameHardware } from './hardware.ts';

/** The facts of a measurement or a proof. null: it does not say. */
export const evidenceSchema = z.strictObject({
  /** The words of the program without its launcher; files by their place below the folder that it starts in. */
  command: z.array(z.string()).nullable().default(null),
  /** SHA-256 of each file that the command names, and of those that they import. */
  files: z.record(z.string(), z.string()).nullable().default(null),
  /** Options in run.json, as JSON. */
  options: z.string().nullable().default(null),
  /** Ranks: one for each GPU. */
  worldSize: z.int().min(1).nullable().default(null),
  /** Machines that the ranks were spread over. */
  nodes: z.int().min(1).nullable().default(null),
  revision: z.string().nullable().default(null),
  /** The accelerator by any of its names, or `CPU`. */
  hardware: z.string().nullable().default(null),
  model: z.string().nullable().default(null),
  precision: z.string().nullable().default(null),
});

/** The facts of one measurement or proof. */
export type Evidence = Readonly<z.output<typeof evidenceSchema>>;
export type Fact = keyof Evidence;

/** How texts call each fact. */
export const factNames: Readonly<Record<Fact, string>> = {
  command: 'command',
  files: 'files',
  options: 'options',
  worldSize: 'number of GPUs',
  nodes: 'number of machines',
  revision: 'revision of the code',
  hardware: 'accelerator',
  model: 'model',
  precision: 'precision',
};

/**
 * The facts that each kind of evidence is compared by, and those that both sides must say. A fact that is `noted` may differ: the evidence still
 * stands, and whoever uses it says the difference.
 */
export const evidenceKinds = {
  drill: {
    compared: ['command', 'files', 'options', 'worldSize', 'revision', 'hardware'],
    needed: ['command', 'files', 'worldSize', 'hardware'],
    // Ranks of a drill run on one machine: it shows that the program resumes, and not that machines find each other again.
    noted: ['nodes'],
  },
  profile: {
    compared: ['command', 'files', 'worldSize', 'revision', 'hardware', 'model', 'precision'],
    needed: [],
    noted: [],
  },
  /** A trace shows its device and its precision. */
  trace: { compared: ['hardware', 'precision'], needed: [], noted: [] },
  /** A trial is of changed code; the caller leaves out the facts that its technique changes. */
  trial: { compared: ['worldSize', 'hardware', 'model', 'precision'], needed: [], noted: [] },
  /** Losses of pilots and trials, next to those of the same sweep. */
  losses: { compared: ['command', 'files', 'worldSize'], needed: [], noted: [] },
} as const satisfies Readonly<Record<string, Readonly<Record<'compared' | 'needed' | 'noted', readonly Fact[]>>>>;
export type EvidenceKind = keyof typeof evidenceKinds;

/** One fact in which evidence and its use differ. */
export interface Difference {
  readonly fact: Fact;
  /** `silent`: one side does not say it, so nobody knows whether it differs. */
  readonly state: 'differs' | 'silent';
  readonly text: string;
}

/**
 * The one comparison of evidence with the job that it shall stand for. A fact that one side alone says is `silent`, as is a needed one that no
 * side says; a fact that neither side says, and that is not needed, is no difference.
 */
export function compareEvidence(
  kind: EvidenceKind,
  found: Evidence,
  wanted: Evidence,
  leftOut: readonly Fact[] = [],
): readonly Difference[] {
  const { compared, needed } = evidenceKinds[kind];
  return differences(
    kind,
    compared.filter((fact) => !leftOut.includes(fact)),
    needed,
    [found, wanted],
  );
}

/** Facts that may differ, and do: those that both sides say. */
export function evidenceNotes(kind: EvidenceKind, found: Evidence, wanted: Evidence): readonly string[] {
  return differences(kind, evidenceKinds[kind].noted, [], [found, wanted])
    .filter(({ state }) => state === 'differs')
    .map(({ text }) => text);
}

function differences(
  kind: EvidenceKind,
  facts: readonly Fact[],
  needed: readonly Fact[],
  [found, wanted]: readonly [Evidence, Evidence],
): readonly Difference[] {
  return facts.flatMap((fact): readonly Difference[] => {
    const [own, other] = [found[fact], wanted[fact]];
    const name = factNames[fact];
    if (own === null && other === null && !needed.includes(fact)) return [];
    if (own === null) return [{ fact, state: 'silent', text: `the ${kind} does not say its ${name}` }];
    if (other === null) return [{ fact, state: 'silent', text: `the job does not say its ${name}` }];
    const text = differenceOf(fact, found, wanted);
    return text === null ? [] : [{ fact, state: 'differs', text: `${name}: ${text}` }];
  });
}

/** How a fact differs: `A100 of the evidence, H100 now`; null where it does not. */
function differenceOf(fact: Fact, found: Evidence, wanted: Evidence): string | null {
  if (fact === 'files') return filesDifference(found.files ?? {}, wanted.files ?? {});
  const [own, other] = [textOf(found[fact]), textOf(wanted[fact])];
  const same = sameText(fact, own, other);
  return same ? null : `"${own}" of the evidence, "${other}" now`;
}

function sameText(fact: Fact, own: string, other: string): boolean {
  if (fact === 'hardware') return sameHardware(own, other);
  // A commit may be written by its first digits.
  const isShort = fact === 'revision' && /^[0-9a-f]{7,64}$/.test(own) && /^[0-9a-f]{7,64}$/.test(other);
  return isShort ? own.startsWith(other) || other.startsWith(own) : own === other;
}

function textOf(value: Evidence[Fact]): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}

function filesDifference(found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>) {
  const changed = Object.keys(wanted).filter((name) => name in found && found[name] !== wanted[name]);
  const added = Object.keys(wanted).filter((name) => !(name in found));
  const gone = Object.keys(found).filter((name) => !(name in wanted));
  const parts = [
    ...(changed.length === 0 ? [] : [`${few(changed)} changed since`]),
    ...(added.length === 0 ? [] : [`${few(added)} is not in the evidence`]),
    ...(gone.length === 0 ? [] : [`${few(gone)} is in the evidence alone`]),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

const FEW = 3;

function few(names: readonly string[]): string {
  const shown = names.toSorted().slice(0, FEW).join(', ');
  return names.length > FEW ? `${shown} and ${names.length - FEW} more` : shown;
}

/** Evidence that says the named facts alone. */
export function evidenceOf(facts: Partial<Evidence>): Evidence {
  return evidenceSchema.parse(facts);
}
