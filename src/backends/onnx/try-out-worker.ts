// Opens the file of its standard input as a model, and says why it cannot. It may crash: nobody else is in its process.
import { buffer } from 'node:stream/consumers';
import { onnxRuntime } from './onnx-runtime.ts';

try {
  const model = await onnxRuntime.load(await buffer(process.stdin));
  await model.close();
} catch (error) {
  const reason = Object(error).facts?.reason;
  process.stdout.write(String(reason ?? error));
  process.exitCode = 3;
}
