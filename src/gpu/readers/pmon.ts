import { fail } from '../../base/errors/fail.ts';
import { printedNumber, printedPercent, wholeLines } from './csv.ts';
import { dmonTime } from './dmon.ts';

/** One process on one GPU in one sample of nvidia-smi pmon; percent, NaN where missing. */
export interface ProcessSample {
  readonly pid: string;
  /** `C` computes, `G` draws, `C+G` both. */
  readonly type: string;
  readonly sm: number;
  readonly memory: number;
  readonly fbMb: number;
  readonly command: string;
}

/** The processes on one GPU at one moment; none if the GPU had none. */
export interface ProcessRound {
  readonly gpu: string;
  /** Milliseconds; NaN without times in the file. */
  readonly timeMs: number;
  readonly processes: readonly ProcessSample[];
}

/**
 * nvidia-smi pmon of all ages, with or without `-o DT` and `-s um`. Columns are found by the names of the last header line. A
 * line without a process (`-`) is a sample of an empty GPU. Without times a new sample begins where a process, or an empty GPU, comes again.
 *
 *   file  = { "#" names | "#" units | values | "" }
 *   names = [Date] [Time] gpu pid type sm mem enc dec [jpg ofa] [fb ccpm] command
 */
export function parsePmon(text: string): readonly ProcessRound[] {
  const rounds: Round[] = [];
  const open = new Map<string, Round>();
  let columns: readonly string[] = [];
  for (const line of wholeLines(text)) {
    if (line.trimStart().startsWith('#')) {
      const names = line.replace('#', '').trim().toLowerCase().split(/\s+/);
      if (names.includes('pid')) columns = names;
      // The line of units has as many words: else a name is missing, and nothing says whose values are whose.
      else if (names.length !== columns.length) columns = [];
      continue;
    }
    const fields = line.trim().split(/\s+/);
    const at = (name: string) => (columns.includes(name) ? fields[columns.indexOf(name)] : undefined);
    const gpu = at('gpu') ?? '';
    const pid = at('pid') ?? '';
    if (columns.length === 0 || fields.length < columns.length || !/^\d+$/.test(gpu) || !/^(\d+|-)$/.test(pid))
      continue;
    // An empty GPU has no type of a process either.
    if (pid === '-' && at('type') !== '-') continue;
    const timeMs = columns.includes('date') ? dmonTime(at('date'), at('time')) : Number.NaN;
    const known = open.get(gpu);
    const again =
      known === undefined ||
      (Number.isNaN(timeMs) ? known.pids.has(pid) || pid === '-' || known.pids.has('-') : known.timeMs !== timeMs);
    const round: Round = again ? { gpu, timeMs, processes: [], pids: new Set() } : known;
    if (again) {
      open.set(gpu, round);
      rounds.push(round);
    }
    round.pids.add(pid);
    if (pid === '-') continue;
    round.processes.push({
      pid,
      type: at('type') ?? '',
      sm: printedPercent(at('sm')),
      memory: printedPercent(at('mem')),
      fbMb: printedNumber(at('fb')),
      // The last column, which may hold spaces.
      command: columns.includes('command') ? fields.slice(columns.indexOf('command')).join(' ') : '',
    });
  }
  if (columns.length === 0) throw fail('GPU_DAMAGED', { kind: 'nvidia-smi pmon output', reason: 'it has no header' });
  if (rounds.length === 0)
    throw fail('GPU_DAMAGED', { kind: 'nvidia-smi pmon output', reason: 'no line has the columns of its header' });
  return rounds.map(({ gpu, timeMs, processes }) => ({ gpu, timeMs, processes }));
}

interface Round extends ProcessRound {
  readonly processes: ProcessSample[];
  readonly pids: Set<string>;
}
