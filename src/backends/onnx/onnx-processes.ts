import { once } from 'node:events';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import { startOwn } from '../../process/start-child.ts';
import type { FromModelThread } from './onnx-messages.ts';
import { onnxRuntime } from './onnx-runtime.ts';
import { type OpenHolder, RemoteModel } from './remote-model.ts';

/** Runs ONNX files with ONNX Runtime, each in a child process: a crash of the library ends that process alone. */
export const onnxProcesses: ModelRuntime = {
  platform: onnxRuntime.platform,
  ready: () => onnxRuntime.ready(),
  load: async (file) => {
    const model = new RemoteModel(file, openProcess);
    await model.start();
    return model;
  },
};

const openProcess: OpenHolder = (file, { message, ended }) => {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const child = startOwn(new URL(`./onnx-process${ending}`, import.meta.url), [], {
    // Typed arrays and bigints pass as they are.
    messages: 'advanced',
    // Only what a process needs to start: no secret of this one.
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  child.unref();
  child.channel?.unref();
  child.on('message', (sent) => message(sent as FromModelThread));
  child.once('error', (error) => ended(error.message));
  child.once('exit', (code, signal) => ended(`its process ended with ${signal ?? code}`));
  // A child that has died takes no message: its end is reported.
  const send = (sent: object) => child.send(sent, () => undefined);
  send({ file });
  return {
    send,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
};
