import { rows } from './row.ts';

/** What can be wrong with Spark. */
export const sparkErrors = rows({
  SPARK_HOME: {
    message: 'there is no Spark in {home}: bin/spark-submit is not there',
    mend: 'set home of engine, or of offline.engine, to the folder of a Spark 4',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  SPARK_VERSION: {
    message: 'the Spark in {home} is {found}; jobs are written for versions of 4',
    mend: 'install Spark 4 and set home of engine, or of offline.engine, to its folder',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  SPARK_JAVA: {
    message: 'a JDK from 17 on is needed for Spark, and there is {found}',
    mend: 'install a JDK (with javac), and set JAVA_HOME to its folder or put it first on the PATH',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  SPARK_RUNNER: {
    message: 'the program that Spark runs cannot be compiled against the jars of {home}: {reason}',
    mend: 'see the cause; install Spark 4.3, for which it is written',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  SPARK_CONNECTOR: {
    message: 'the Spark in {home} has no whole connector to Kafka: {what} is not there',
    mend: 'name the jars spark-sql-kafka-0-10, spark-token-provider-kafka-0-10, kafka-clients and commons-pool2 of its version in engine.jars, or put them into its folder jars',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  SPARK_SQL: {
    message: 'the query of {output}, line {line} ({text}), is refused by Spark: {reason} ({known})',
    mend: 'see the whole query in the cause; what the declaration asks for there is not to be had on this version of Spark',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  SPARK_FAILED: {
    message: 'the computation of {output} by Spark failed: {reason} ({known})',
    mend: 'mend what it says and run it again: nothing of it was taken',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  SPARK_MEMORY: {
    message: '{process} of Spark had no memory left during {during}',
    mend: 'raise spark.executor.memory, or spark.driver.memory where the master is local, in conf of engine or offline.engine; nothing of it was taken',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  SPARK_ENDED: {
    message: 'the process of Spark ended during {during} ({how}): {reason}',
    mend: 'see its log in the cause, mend what it says and run it again: nothing of it was taken',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  SPARK_FILE: {
    message: 'the file {path} that Spark wrote is not what it wrote: {reason}',
    mend: 'let the directory of the environment be the same one, under the same path, on all machines of the cluster',
    retry: 'later',
    status: 500,
    exit: 4,
  },
});
