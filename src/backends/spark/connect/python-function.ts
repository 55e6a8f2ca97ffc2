import { readFileSync } from 'node:fs';
import type { ScoreJob } from '../../../ports/score-engine.ts';
import type { Fields } from './protobuf.ts';

/** Spark's number of the functions of `mapInArrow`: SQL_MAP_ARROW_ITER_UDF. */
const MAP_IN_ARROW = 207;

const source = new URL('../score-python/headrace_score.py', import.meta.url);

/** The members of a job that the program in the executors reads. */
function membersOf(job: ScoreJob): object {
  const { model, modelSha256, modelInputs, modelOutput, isSingle, parity, features } = job;
  return { model, modelSha256, modelInputs, modelOutput, isSingle, parity, width: features.length };
}

/**
 * A relation: the rows of another one, scored in the Python of the executors, which must be of version `python`, as `3.12`. `outputType` is
 * the type of the rows that come back.
 */
export function scoredRelation(
  input: Fields,
  { job, python, outputType }: { readonly job: ScoreJob; readonly python: string; readonly outputType: Fields },
): Fields {
  const command = pickled(functionText(job));
  const udf: Fields = [
    [1, outputType],
    [2, MAP_IN_ARROW],
    [3, command],
    [4, python],
  ];
  const func: Fields = [
    [1, 'headrace_score'],
    [2, 1],
    [4, udf],
  ];
  return [
    [
      28,
      [
        [1, input],
        [2, func],
      ],
    ],
  ];
}

/** An expression of Python: the function. Its texts are base64, which needs no quoting. */
function functionText(job: ScoreJob): string {
  const of = (text: string) => Buffer.from(text).toString('base64');
  const text = (base64: string) => `__import__('base64').b64decode('${base64}').decode()`;
  const program = text(of(readFileSync(source, 'utf8')));
  const members = text(of(JSON.stringify(membersOf(job))));
  return `(lambda g: (exec(${program}, g), g['scorer'](__import__('json').loads(${members})))[1])({'__name__': 'headrace_score'})`;
}

/**
 * The pair of a function and its result's type as Python pickles it. The function is the value of a text, so that no byte depends on the
 * version of Python: bytecode would.
 *
 * ```
 * pickle = PROTO 2  GLOBAL builtins.eval  BINUNICODE text  TUPLE1  REDUCE
 *          GLOBAL pyspark.sql.types.StructType  EMPTY_TUPLE  REDUCE  TUPLE2  STOP
 * ```
 */
function pickled(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([
    Buffer.from([0x80, 2]),
    Buffer.from('cbuiltins\neval\nX'),
    length,
    bytes,
    Buffer.from('\x85Rcpyspark.sql.types\nStructType\n)R\x86.', 'latin1'),
  ]);
}
