import { later, never } from './row.ts';

/** Errors of Spark. */
export const sparkErrors = {
  SPARK_HOME: never(500, 2)
    .message('there is no Spark in {home}: bin/spark-submit is missing')
    .hint('set home of engine or offline.engine to the folder of a Spark 4'),
  SPARK_VERSION: never(500, 2)
    .message('the Spark at {home} is {found}; Spark 4 is required')
    .hint(
      'install Spark 4. Set home of engine or offline.engine to its folder, or url of offline.engine to its Connect server',
    ),
  SPARK_JAVA: never(500, 4)
    .message('a JDK 17 or newer is required for Spark; found {found}')
    .hint('install a JDK with javac, and set JAVA_HOME to its folder or put it first on the PATH'),
  SPARK_RUNNER: never(500, 4)
    .message('the program for Spark does not compile against the jars of {home}: {reason}')
    .hint('see the cause, and install Spark 4.3'),
  SPARK_CONNECTOR: never(500, 2)
    .message('the Spark in {home} has no complete Kafka connector: {what} is missing')
    .hint(
      'put spark-sql-kafka-0-10, spark-token-provider-kafka-0-10, kafka-clients and commons-pool2 of its version into its folder jars, or name them in engine.jars',
    ),
  SPARK_CLIENT: never(500, 2)
    .message('the client of Spark Connect is not installed')
    .hint('run npm install @grpc/grpc-js'),
  SPARK_UNREACHABLE: later(503, 5)
    .message('the Spark Connect server at {address} does not answer: {reason}')
    .hint('check that it runs, and that url and tls of offline.engine match it; then run again: nothing was stored'),
  SPARK_TOKEN: never(500, 4)
    .message('the Spark Connect server at {address} rejects this client: {reason}')
    .hint('set the variable that token of offline.engine names to the token of the server'),
  SPARK_SETTING: never(500, 2)
    .message('the Spark Connect server at {address} rejects the session setting {setting} = {value}: {reason}')
    .hint('remove it from conf of offline.engine, and set it on the server at start'),
  SPARK_SQL: never(500, 4)
    .message('the query of {output}, line {line} ({text}), is rejected by Spark: {reason} ({known})')
    .hint('see the whole query in the cause; this version of Spark cannot run a part of the declaration'),
  SPARK_PYTHON: never(400, 2)
    .message('the Python of the executors of Spark cannot score: {reason}')
    .hint(
      'install onnxruntime, pyarrow and numpy for the Python that PYSPARK_PYTHON of the Connect server names, and set offline.engine.scorePython to its version',
    ),
  SPARK_FAILED: later(500, 4)
    .message('the computation of {output} by Spark failed: {reason} ({known})')
    .hint('fix the reason and run again: nothing was stored'),
  SPARK_MEMORY: never(500, 4)
    .message('{process} of Spark ran out of memory during {during}')
    .hint(
      'raise spark.executor.memory (spark.driver.memory with a local master) in conf of engine or offline.engine, or on the Connect server; nothing was stored',
    ),
  SPARK_ENDED: later(503, 4)
    .message('the Spark process ended during {during} ({how}): {reason}')
    .hint('see its log in the cause, fix the reason and run again: nothing was stored'),
  SPARK_FILE: later(500, 4)
    .message('the file {path} differs from the file that Spark wrote: {reason}')
    .hint('mount the directory of the environment under the same path on all machines of the cluster'),
};
