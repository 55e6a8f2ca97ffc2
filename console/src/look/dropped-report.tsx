import { type DragEvent, type ReactNode, useState } from 'react';
import { ApiError, asApiError } from '../api/api-error.ts';
import css from './dropped-report.module.css';
import { Fault } from './fault.tsx';
import { Empty } from './page.tsx';

/** Reports that were dropped in this page, by kind: they outlive a change of page, not a reload, and never leave the browser. */
const kept = new Map<string, Kept>();

/** A dropped report and the name of its file. */
interface Kept {
  readonly name: string;
  readonly report: unknown;
}

/** A place where the JSON of a command is dropped and shown. */
export function DroppedReport<T>(props: {
  /** The command that writes it, and the member that every such report has. */
  readonly command: string;
  readonly has: string;
  /** Which of several reports of the kind it is, on a page that compares. */
  readonly slot?: string;
  readonly children: (report: T, name: string) => ReactNode;
}) {
  const { command, has, slot = '', children } = props;
  const place = `${has} ${slot}`;
  const [shown, setShown] = useState<Kept | null>(kept.get(place) ?? null);
  const [error, setError] = useState<ApiError | null>(null);
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    try {
      const next = { name: file.name, report: reportOf(await file.text(), { has, command, name: file.name }) };
      kept.set(place, next);
      setShown(next);
      setError(null);
    } catch (reason) {
      setError(asApiError(reason));
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    void take(event.dataTransfer.files[0]);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way to the file field within */}
      <div className={css.place} onDragOver={(event) => event.preventDefault()} onDrop={drop}>
        <label>
          {shown === null ? 'Drop a report here, or choose it' : `Shows ${shown.name}; another one`}
          <input type="file" accept=".json,application/json" onChange={(event) => void take(event.target.files?.[0])} />
        </label>
        {shown === null && (
          <Empty command={command}>
            The report stays in this browser. This command writes it where the traces are:
          </Empty>
        )}
        <Fault error={error} />
      </div>
      {shown !== null && children(shown.report as T, shown.name)}
    </>
  );
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
