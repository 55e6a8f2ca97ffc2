import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { PipelineData, PipelineValues } from '../../features/define/declaration.ts';
import { userValue } from '../../featurestore/online/user-values.ts';
import type { Value } from '../../schema/column.ts';
import { requestParser } from '../../schema/row-parser.ts';
import { describeJson, expectedOf, valueParser } from '../../schema/value-parser.ts';

type Run = (
  request: unknown,
  features: readonly Value[],
  scores: PipelineValues['scores'],
) => Promise<readonly Value[]>;

/**
 * Compiles the function of a pipeline: a request as it came, the features inside, and the scores become the outputs inside, in
 * their declared order. Errors: REQUEST_*, PIPELINE_RUN, PIPELINE_OUTPUT.
 */
export function pipelineRun(pipeline: PipelineData): Run {
  const { name, service, outputs, run } = pipeline;
  const parse = requestParser(service.name, service.request);
  const asked = named(Object.entries(service.request).map(([column, spec]) => [column, userValue(spec)]));
  const joined = named(service.features.map((feature) => [feature.name, userValue(feature.type)]));
  const made = outputParser(pipeline);
  return async (request, features, scores) => {
    const input = { request: asked(parse(request)), features: joined(features), scores };
    let result: unknown;
    try {
      result = await run(input);
    } catch (error) {
      if (isHeadraceError(error)) throw error;
      throw fail('PIPELINE_RUN', { pipeline: name, reason: reasonOf(error) }, error);
    }
    if (typeof result !== 'object' || result === null)
      throw fail('PIPELINE_OUTPUT', {
        pipeline: name,
        value: describeFact(result),
        output: Object.keys(outputs)[0] ?? '',
        wanted: 'absent',
      });
    return made(result as Readonly<Record<string, unknown>>);
  };
}

function named(
  columns: readonly (readonly [string, (value: Value) => Value])[],
): (values: readonly Value[]) => Readonly<Record<string, Value>> {
  return (values) => {
    const row: Record<string, Value> = {};
    columns.forEach(([name, toUser], i) => {
      row[name] = toUser(values[i]);
    });
    return row;
  };
}

function outputParser({
  name,
  outputs,
}: PipelineData): (result: Readonly<Record<string, unknown>>) => readonly Value[] {
  const columns = Object.entries(outputs).map(([output, spec]) => ({ output, spec, parse: valueParser(spec) }));
  return (result) =>
    columns.map(({ output, spec, parse }) => {
      const given = Object.hasOwn(result, output) ? result[output] : undefined;
      const value = given === null || given === undefined ? null : parse(given);
      if (value === null && (given !== null || !spec.nullable))
        throw fail('PIPELINE_OUTPUT', { pipeline: name, value: describeFact(given), output, wanted: expectedOf(spec) });
      return value;
    });
}

function describeFact(value: unknown): string | number | bigint | null {
  return value === undefined ? 'nothing' : describeJson(value);
}
