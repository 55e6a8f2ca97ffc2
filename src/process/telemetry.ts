/**
 * Variables that keep libraries from reporting to their vendors: ONNX Runtime (a device id and a queue of reports in the home folder, more
 * files in the temporary one), MLflow, and those that follow the common switch. Libraries read them when they are loaded.
 */
export const telemetryOff = {
  ORT_DISABLE_TELEMETRY: '1',
  MLFLOW_DISABLE_TELEMETRY: 'true',
  DO_NOT_TRACK: '1',
} as const;

/** An environment with the telemetry of libraries off; a variable that it sets itself stays. */
export function withoutTelemetry(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...telemetryOff, ...env };
}

/** Turns the telemetry of libraries off that this process, its threads and its children load from now on. */
export function turnOffTelemetry(): void {
  for (const [name, value] of Object.entries(telemetryOff)) process.env[name] ??= value;
}
