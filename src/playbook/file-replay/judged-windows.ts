import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { judgeMonitor, type MonitorWindow, monitorsOf } from '../../monitoring/monitor/judge-windows.ts';
import { decodeReference } from '../../monitoring/monitor/reference.ts';
import { CHAMPION } from '../../registry/champion.ts';
import type { ReplayDeclaration } from './replay-declaration.ts';
import type { ReplayedProject } from './replayed-project.ts';

/** A window of a replay, as it was when all labels had come. */
export interface JudgedWindow extends Pick<MonitorWindow, 'from' | 'to' | 'rows' | 'state' | 'reason' | 'drifted'> {
  readonly monitor: ResolvedMonitor['kind'];
  /** The champion that it was judged for. */
  readonly version: number;
  readonly faults: readonly { readonly kind: string; readonly columns: readonly string[]; readonly text: string }[];
  /** Features beyond the usual rules in this window. */
  readonly naive: { readonly psi: readonly string[]; readonly ks: readonly string[] } | null;
}

/** Every window that was replayed, `ends` in ascending order, for the champion of its time; of features also by the usual rules. */
export async function judgedWindows(
  { headrace, stores }: ReplayedProject,
  { model }: ReplayDeclaration,
  windowMs: number,
  ends: readonly number[],
): Promise<readonly JudgedWindow[]> {
  await headrace.flush();
  const end = ends.at(-1) ?? 0;
  const moves = (await stores.registry.moves(model.name)).filter(({ alias }) => alias === CHAMPION);
  const windows: JudgedWindow[] = [];
  for (const [i, { to: version, at }] of moves.entries()) {
    if (version === null) continue;
    const until = moves[i + 1]?.at ?? end;
    const spans = ends.filter((to) => to > at + 1 && to <= until).map((to) => ({ from: to - windowMs, to }));
    const { lineage } = await stores.registry.version(model.name, version);
    const reference =
      lineage.reference === undefined ? null : decodeReference(await stores.artifacts.get(lineage.reference));
    const watched = { model, version, reference };
    for (const monitor of monitorsOf(model)) {
      const judge = (rule: string) => judgeMonitor(watched, { ...monitor, rule }, stores.offline, spans, { now: end });
      const own = (await judge(monitor.rule)).windows;
      const usual =
        monitor.kind === 'featureDrift' ? [(await judge('psi>0.2')).windows, (await judge('ks<0.05')).windows] : null;
      for (const [w, { changedAt: _, faults, ...window }] of own.entries())
        windows.push({
          monitor: monitor.kind,
          version,
          ...window,
          faults: faults.map(({ kind, columns, text }) => ({ kind, columns, text })),
          naive: usual === null ? null : { psi: usual[0][w].drifted, ks: usual[1][w].drifted },
        });
    }
  }
  return windows.sort((a, b) => a.from - b.from);
}
