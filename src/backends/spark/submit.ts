export interface SparkOptions {
  /** The folder with bin/spark-submit. */
  readonly home: string;
  /** `local[*]`, `spark://host:port`, `yarn`, `k8s://…`. */
  readonly master: string;
  /** Further settings, `spark.…`. Settings that answers depend on cannot be changed. */
  readonly conf: Readonly<Record<string, string>>;
}

/** The settings that answers of SQL depend on, and the form of files. */
export const SESSION_SETTINGS = {
  'spark.sql.session.timeZone': 'UTC',
  // Without, sums wrap and decimals lose digits.
  'spark.sql.ansi.enabled': 'true',
  'spark.sql.parser.escapedStringLiterals': 'false',
  // `${…}` in a text is the text.
  'spark.sql.variable.substitute': 'false',
  'spark.sql.files.ignoreCorruptFiles': 'false',
  'spark.sql.files.ignoreMissingFiles': 'false',
  'spark.sql.parquet.compression.codec': 'zstd',
  'spark.sql.sources.partitionOverwriteMode': 'dynamic',
} as const;

/** Without the user interface. */
const SETTINGS = {
  ...SESSION_SETTINGS,
  'spark.sql.catalogImplementation': 'in-memory',
  // The other algorithm leaves files of attempts that ended.
  'spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version': '1',
  'spark.ui.enabled': 'false',
  // Of ONNX Runtime, in the JVM and in the Python of executors.
  'spark.executorEnv.ORT_DISABLE_TELEMETRY': '1',
  'spark.log.level': 'WARN',
} as const;

/** The arguments of spark-submit to run a class of a jar; `more` are settings that `conf` may change. */
export function submitArguments(
  { master, conf }: Pick<SparkOptions, 'master' | 'conf'>,
  main: string,
  jar: string,
  more: Readonly<Record<string, string>> = {},
): readonly string[] {
  const settings = { ...localSettings(master), ...more, ...conf, ...SETTINGS };
  return [
    ...['--master', master, '--deploy-mode', 'client', '--name', 'headrace', '--class', main],
    ...Object.entries(settings).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
    jar,
  ];
}

/** All of it on this machine stays on it. */
function localSettings(master: string): Readonly<Record<string, string>> {
  if (!master.startsWith('local')) return {};
  return { 'spark.driver.host': '127.0.0.1', 'spark.driver.bindAddress': '127.0.0.1' };
}
