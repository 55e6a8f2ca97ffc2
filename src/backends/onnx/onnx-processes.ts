import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
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
  const program = fileURLToPath(new URL(`./onnx-process${ending}`, import.meta.url));
  const child = fork(program, {
    // Typed arrays and bigints pass as they are.
    serialization: 'advanced',
    // Only what a process needs to start: no secret of this one.
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
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
