import type { Diagnosis } from '../../../../src/gpu/diagnosis.ts';
import { FORM_LIMIT } from '../../../../src/ports/form-limit.ts';
import { ApiError } from '../../api/api-error.ts';
import { answer, client } from '../../api/client.ts';
import { bytesText } from '../../look/format.ts';

/** The bytes of a form around each file. */
const AROUND = 1_000;

/** The diagnosis of traces, counters and scheduler records that the server reads. Errors: FORM_SIZE, those of the route. */
export async function diagnoseFiles(files: readonly File[]): Promise<Diagnosis> {
  const bytes = files.reduce((sum, { size }) => sum + size + AROUND, 0);
  if (bytes > FORM_LIMIT)
    throw new ApiError({
      status: 0,
      code: 'FORM_SIZE',
      message: `the files are ${bytesText(bytes)}, and the server reads ${bytesText(FORM_LIMIT)} at most`,
      hint: 'record fewer steps, or diagnose the files where they are: npx headrace gpu diagnose traces/ --json',
    });
  const form = new FormData();
  for (const file of files) form.append('file', file, file.name);
  // The description has a form as text; a browser sends its files as they are on the disk.
  const body = form as unknown as string;
  const sent = client.POST('/v1/files/gpu', { body, bodySerializer: (value) => value });
  const { report } = await answer(sent);
  return report as unknown as Diagnosis;
}
