import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { childFailure } from '../../process/child-failure.ts';
import { endWithParent } from '../../process/end-with-parent.ts';
import type { FromJudge } from './judge-process.ts';
import type { ToJudge } from './judgement.ts';

// The process that reads the files of one caller and judges them. Whatever is in them, it ends alone.
endWithParent();
// Before the engine is loaded: its threads then have it too. Those who are served go first.
setPriority(10);
process.once('message', (message) => void judge(message as ToJudge));

async function judge({ judgement, form, type, answer, html }: ToJudge): Promise<void> {
  try {
    const { formFiles } = await import('./form-files.ts');
    const { fieldsOf, judged } = await import('./judgements.ts');
    const files = await formFiles(form, type, fieldsOf(judgement));
    const found = await judged(judgement, files, html);
    await writeFile(answer, `{"report":${found.report.trim()},"html":${JSON.stringify(found.html)}}`);
    await send({ kind: 'done' });
  } catch (error) {
    await send(childFailure(error));
  }
  process.exit(0);
}

/** Ends when the message has left. */
function send(message: FromJudge): Promise<void> {
  return new Promise((sent) => {
    process.send?.(message, () => sent());
  });
}
