import { type DragEvent, type ReactNode, useState } from 'react';
import { ApiError, asApiError } from '../api/api-error.ts';
import css from './dropped-report.module.css';
import { Fault } from './fault.tsx';
import { Empty } from './page.tsx';

/** Reports that were dropped in this page, by kind: they outlive a change of page, not a reload. */
const kept = new Map<string, Kept>();

/** A dropped report and the name of its file. */
interface Kept {
  readonly name: string;
  readonly report: unknown;
}

/** A place where the JSON of a command is dropped and shown; where the server can judge them, raw files too. */
export function DroppedReport<T>(props: {
  /** The command that writes it, and the member that every such report has. */
  readonly command: string;
  readonly has: string;
  /** Which of several reports of the kind it is, on a page that compares. */
  readonly slot?: string;
  /** Sends raw files to the server, which answers with the report of them. */
  readonly judge?: (files: readonly File[]) => Promise<T>;
  readonly children: (report: T, name: string) => ReactNode;
}) {
  const { command, has, slot = '', judge, children } = props;
  const place = `${has} ${slot}`;
  const [shown, setShown] = useState<Kept | null>(kept.get(place) ?? null);
  const [judging, setJudging] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const read = async (files: readonly File[]): Promise<Kept> => {
    const name = files.map((file) => file.name).join(', ');
    const [file] = files;
    if (file !== undefined && (judge === undefined || (await isReport(file))))
      return { name: file.name, report: reportOf(await file.text(), { has, command, name: file.name }) };
    setJudging(name);
    return { name, report: await judge?.(files) };
  };
  const take = async (files: readonly File[]) => {
    if (files.length === 0) return;
    setError(null);
    try {
      const next = await read(files);
      kept.set(place, next);
      setShown(next);
    } catch (reason) {
      setError(asApiError(reason));
    }
    setJudging(null);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    void take([...event.dataTransfer.files]);
  };
  const what = judge === undefined ? 'a report' : 'raw files or a report';
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way to the file field within */}
      <div className={css.place} onDragOver={(event) => event.preventDefault()} onDrop={drop}>
        <label>
          {shown === null ? `Drop ${what} here, or choose` : `Shows ${shown.name}; another one`}
          <input
            type="file"
            multiple={judge !== undefined}
            {...(judge === undefined ? { accept: '.json,application/json' } : {})}
            onChange={(event) => {
              void take([...(event.target.files ?? [])]);
              // The same file may be chosen again.
              event.target.value = '';
            }}
          />
        </label>
        {judging !== null && <output>The server reads {judging}…</output>}
        {shown === null && (
          <Empty command={command}>
            {judge === undefined
              ? 'The report stays in this browser. This command writes it where the files are:'
              : 'The server reads raw files, and keeps none. A report stays in this browser; this command writes it:'}
          </Empty>
        )}
        <Fault error={error} />
      </div>
      {shown !== null && children(shown.report as T, shown.name)}
    </>
  );
}

/** Every report of a command begins with its version; no other file does. */
async function isReport(file: File): Promise<boolean> {
  return /^\s*\{\s*"version"\s*:/.test(await file.slice(0, 100).text());
}

/** The report in a text. Errors: REPORT_TEXT, REPORT_KIND. */
function reportOf(text: string, asked: { has: string; command: string; name: string }): unknown {
  const { has, command, name } = asked;
  const hint = `write it with ${command}`;
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    throw new ApiError({ status: 0, code: 'REPORT_TEXT', message: `${name} is no JSON`, hint });
  }
  if (typeof report === 'object' && report !== null && has in report) return report;
  throw new ApiError({ status: 0, code: 'REPORT_KIND', message: `${name} is another kind of JSON`, hint });
}
