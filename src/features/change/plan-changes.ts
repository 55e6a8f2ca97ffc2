import { fail } from '../../base/errors/fail.ts';
import { type Change, partId, partName } from './change.ts';
import { compareParts } from './compare-parts.ts';
import type { DeclarationDocument, DeclaredPart } from './declaration-document.ts';
import { documentHash } from './declaration-hash.ts';

/** The changes between two declarations. */
export interface DeclarationPlan {
  readonly project: string;
  /** Hash of the previous declaration; null: there is none. */
  readonly before: string | null;
  readonly after: string;
  /** By part, in the order of the documents; what goes comes last. */
  readonly changes: readonly Change[];
  /** Whether one of them is refused: the declaration must not be put in place. */
  readonly refused: boolean;
}

/** Compares the declaration in place (null: none) with the one that is to follow. Error: DECLARATION_PROJECT. */
export function planChanges(before: DeclarationDocument | null, after: DeclarationDocument): DeclarationPlan {
  if (before !== null && before.project !== after.project) {
    throw fail('DECLARATION_PROJECT', { before: before.project, after: after.project });
  }
  const known = new Map(before?.parts.map((part) => [partId(part), part]));
  const kept = new Set(after.parts.map(partId));
  const changes = [
    ...after.parts.flatMap((part) => {
      const was = known.get(partId(part));
      return was === undefined ? added(part, before?.parts ?? []) : compareParts(was, part);
    }),
    ...[...known].filter(([id]) => !kept.has(id)).map(([, part]): Change => ({ kind: 'remove', part })),
  ];
  return {
    project: after.project,
    before: before === null ? null : documentHash(before),
    after: documentHash(after),
    changes,
    refused: changes.some(({ kind }) => kind === 'refuseMeaning' || kind === 'refuseVersion'),
  };
}

function added(part: DeclaredPart, before: readonly DeclaredPart[]): readonly Change[] {
  const versions = before.filter((other) => partName(other) === partName(part)).map(({ version }) => version ?? 0);
  const above = Math.max(0, ...versions);
  if (part.version !== null && part.version < above) return [{ kind: 'refuseVersion', part, above }];
  return [{ kind: 'add', part }];
}

/** Lets a plan pass that can be put in place. Error: DECLARATION_MEANING. */
export function checkPlan({ project, changes }: DeclarationPlan): void {
  const parts = changes
    .filter(({ kind }) => kind === 'refuseMeaning' || kind === 'refuseVersion')
    .map(({ part }) => partId(part));
  if (parts.length > 0) throw fail('DECLARATION_MEANING', { project, parts });
}
