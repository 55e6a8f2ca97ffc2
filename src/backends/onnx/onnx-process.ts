// The process of one model: its first message is the file, the others are those of onnx-messages.ts.

import { endWithParent } from '../../process/end-with-parent.ts';
import { answerRuns } from './answer-runs.ts';
import type { FromModelThread, RunMessage } from './onnx-messages.ts';

type Message = RunMessage | { readonly file: Uint8Array };

const say = (message: FromModelThread): void => {
  process.send?.(message);
};

process.once('message', (first: Message) => {
  if (!('file' in first)) return;
  void answerRuns(first.file, say, (run) => process.on('message', (message: RunMessage) => run(message)));
});
endWithParent();
