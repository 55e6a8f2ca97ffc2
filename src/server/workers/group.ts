import { request } from 'node:http';
import { answerText } from '../../base/read-answer.ts';
import { mergeReports, parseReport, type SloReport } from '../../observe/slo-report.ts';
import { mergeStatuses, type Status } from '../../observe/status.ts';
import type { FigureRow } from '../../ports/part.ts';
import { partKinds } from '../../running/parts.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { workerFigures } from './worker-figures.ts';

/** A process of the group, by its name, and the socket that it answers the others on. */
export interface Member {
  readonly name: string;
  readonly role: 'writer' | 'reader';
  readonly socket: string;
}

const ANSWER_WITHIN_MS = 2_000;

/** The processes that serve a project together, as one of them asks the others. */
export class Group {
  /** How often each was started again, by name. */
  restarts: Readonly<Record<string, number>>;
  readonly #members: readonly Member[];

  constructor(members: readonly Member[], restarts: Readonly<Record<string, number>>) {
    this.#members = members;
    this.restarts = restarts;
  }

  /** The metrics of all that answer, by worker, and whether each does. */
  async metrics(): Promise<string> {
    const texts = new Map<string, string>();
    const up: Record<string, number> = {};
    await Promise.all(
      this.#members.map(async ({ name, socket }) => {
        const text = await ask(socket, '/metrics');
        if (text !== null) texts.set(name, text);
        up[name] = text === null ? 0 : 1;
      }),
    );
    const sorted = new Map([...texts].sort(([a], [b]) => (a < b ? -1 : 1)));
    const own = [...workerSamples(workerFigures.up, up), ...workerSamples(workerFigures.restarts, this.restarts)];
    return `${mergeMetrics(sorted)}\n${own.join('\n')}\n`;
  }

  /** Measurements of all processes. Only readers know the freshness of a streaming view: the writer's memory has no age. */
  async slo(): Promise<SloReport | null> {
    const reports = await Promise.all(
      this.#members.map(async ({ name, role, socket }) => {
        const text = await ask(socket, '/v1/slo');
        if (text === null) return null;
        const report = parseReport(text, name);
        if (role === 'reader') return report;
        const series = report.series.filter(({ tier, measure }) => tier !== 'streaming' || measure !== 'freshness');
        return { ...report, series };
      }),
    );
    const [first, ...others] = reports.filter((report) => report !== null);
    return first === undefined ? null : mergeReports([first, ...others]);
  }

  /** Where the project stands, over all that answer; who does not is named. */
  async status(): Promise<Status | null> {
    const silent: string[] = [];
    const answers = await Promise.all(
      this.#members.map(async ({ name, socket }): Promise<Status | null> => {
        const text = await ask(socket, '/v1/status');
        if (text === null) silent.push(`${name} does not answer`);
        return text === null ? null : JSON.parse(text);
      }),
    );
    const [first, ...others] = answers.filter((status) => status !== null);
    const report = await this.slo();
    if (first === undefined || report === null) return null;
    const merged = mergeStatuses(partKinds, [first, ...others], report);
    return { ...merged, degraded: [...merged.degraded, ...silent] };
  }
}

function workerSamples({ name, help, type }: FigureRow, values: Readonly<Record<string, number>>): readonly string[] {
  const samples = Object.entries(values).map(([worker, value]) => `${name}{worker="${worker}"} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.sort()];
}

/** The answer of a process to a GET; null: it does not answer. */
function ask(socketPath: string, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, timeout: ANSWER_WITHIN_MS }, (answer) => {
      answerText(answer).then(
        (text) => resolve(answer.statusCode === 200 ? text : null),
        () => resolve(null),
      );
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.end();
  });
}
