import { fail } from '../../base/errors/fail.ts';
import { type ModelRows, rowsBetween, tensorsOfRows } from '../../model/model-rows.ts';
import { MODEL_ENCODING } from '../../model/model-value.ts';
import { type RowInputs, rowInputs, trainedInputs } from '../../model/row-inputs.ts';
import { scoresOfTensor } from '../../model/scores.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import { loggedVersion } from '../../registry/logged-version.ts';
import { signatureColumns } from '../../registry/mlmodel.ts';
import { isScoringTag, SCORING_TAGS } from '../../registry/scoring-tags.ts';
import { elementsOf, type Tensor, type TensorSignature, type TensorSpec } from '../../schema/tensor.ts';

const { features: FEATURES, output: OUTPUT } = SCORING_TAGS;

/** The tags of a version that say how it scores. */
export function scoringTags({ tags }: VersionRecord): Readonly<Record<string, string>> {
  const found = tags.filter(({ key }) => isScoringTag(key));
  return Object.fromEntries(found.map(({ key, value }) => [key, value]));
}

/** How a version scores rows of features, whoever registered it. */
export interface VersionScoring {
  readonly version: ModelVersion;
  /** How rows fill the inputs of the model. */
  readonly inputs: RowInputs;
  /** Name of the output that has the score. */
  readonly output: string;
}

/** Where the names of a version's columns are. */
interface ColumnTools {
  readonly artifacts: ArtifactStore;
  /** The columns that a job names in the place of the version's own. */
  readonly columns?: readonly string[] | null;
}

/**
 * How a version scores, by the tensors of its loaded model. The features of one that another program logged are the columns that the
 * caller or the tag `headrace.features` names, those of its signature, or its inputs. A score is the one number that it gives for a row,
 * or the second of two (the probability of the positive class). Errors: PYTHON_FLAVOR, ARTIFACT_*.
 */
export async function scoringOf(
  record: VersionRecord,
  signature: TensorSignature,
  tools: ColumnTools,
): Promise<VersionScoring> {
  const { trained } = record;
  if (trained !== null)
    return { version: trained, inputs: trainedInputs(trained.signature), output: trained.signature.output };
  const inputs = rowInputs(signature.inputs, tools.columns ?? (await columnNamesOf(record, tools)));
  if (typeof inputs === 'string')
    throw refuse(record, `${inputs}; name a column for each number of its inputs by the tag ${FEATURES}`);
  const { name: output } = outputOf(record, signature);
  const [{ name: input }] = signature.inputs;
  const { features } = inputs;
  return { version: loggedVersion(record, { features, input, output, encoding: MODEL_ENCODING }), inputs, output };
}

/** Runs a loaded model once, and gives the tensors of the named outputs, in their order. */
export type RunTensors<C> = (
  inputs: readonly Tensor[],
  outputs: readonly string[],
  caller: C,
) => Promise<{ readonly outputs: readonly Tensor[] }>;

/**
 * Scores rows by the runs of a loaded model. One that takes a row a run has as many runs: one after the other, or `atOnce`, where a queue
 * orders them.
 */
export function rowScores<C>({ version, inputs, output }: VersionScoring, run: RunTensors<C>, atOnce: boolean) {
  const outputs = [output];
  const once = async (rows: ModelRows, caller: C): Promise<Float64Array> => {
    const ran = await run(tensorsOfRows(inputs, rows), outputs, caller);
    return scoresOf(version, ran.outputs[0].data, rows.rows);
  };
  if (!inputs.isSingle) return once;
  return async (rows: ModelRows, caller: C): Promise<Float64Array> => {
    const scores = new Float64Array(rows.rows);
    const runs: Promise<void>[] = [];
    for (let row = 0; row < rows.rows; row += 1) {
      const one = once(rowsBetween(inputs, rows, row, row + 1), caller).then((score) => scores.set(score, row));
      if (atOnce) runs.push(one);
      else await one;
    }
    await Promise.all(runs);
    return scores;
  };
}

/** The columns of its inputs that a version names, in order; null: it names none. Errors: ARTIFACT_*. */
export async function columnNamesOf(
  record: VersionRecord,
  { artifacts }: Pick<ColumnTools, 'artifacts'>,
): Promise<readonly string[] | null> {
  const tag = scoringTags(record)[FEATURES];
  return tag === undefined ? signatureColumns(record.files, artifacts) : tag.split(',').map((name) => name.trim());
}

/** The output that has the score of a row: the named one, or else the only one that may; undefined: there is none. */
export function scoreOutput(outputs: readonly TensorSpec[], named: string | undefined): TensorSpec | undefined {
  const found = outputNamed(outputs, named);
  return found !== undefined && isScore(found) ? found : undefined;
}

/** The name of the output that has the score of a version, where its tags have one. */
export function namedOutput(record: VersionRecord): string | undefined {
  return scoringTags(record)[OUTPUT];
}

function outputNamed(outputs: readonly TensorSpec[], named: string | undefined): TensorSpec | undefined {
  return named === undefined ? onlyOutput(outputs) : outputs.find(({ name }) => name === named);
}

function outputOf(record: VersionRecord, { outputs }: TensorSignature): TensorSpec {
  const found = outputNamed(outputs, namedOutput(record));
  const names = outputs.map(({ name }) => name).join(', ');
  if (found === undefined) throw refuse(record, `it has the outputs ${names}; name its score by the tag ${OUTPUT}`);
  if (!isScore(found))
    throw refuse(
      record,
      `its output '${found.name}' is ${found.type} [${found.shape.join(',')}], not one number a row`,
    );
  return found;
}

/** Of several outputs the one of decimal numbers: a classifier gives its label and its probabilities. */
function onlyOutput(outputs: readonly TensorSpec[]): TensorSpec | undefined {
  if (outputs.length === 1) return outputs[0];
  const numbers = outputs.filter((output) => isScore(output) && (output.type === 'FP32' || output.type === 'FP64'));
  return numbers.length === 1 ? numbers[0] : undefined;
}

/** Whether it may have one or two numbers a row; a size that is not known is seen when it runs. */
function isScore({ type, shape }: TensorSpec): boolean {
  const size = elementsOf(shape.slice(1));
  return type !== 'BYTES' && type !== 'FP16' && type !== 'BF16' && (size < 0 || size === 1 || size === 2);
}

function scoresOf({ model, version }: ModelVersion, data: Tensor['data'], rows: number): Float64Array {
  if (data.length === rows || data.length === 2 * rows) return scoresOfTensor(data, rows);
  throw fail('PYTHON_OUTPUT', { model, version, reason: `${data.length} numbers for ${rows} rows` });
}

function refuse({ model, version }: VersionRecord, reason: string) {
  return fail('PYTHON_FLAVOR', { model, version, reason });
}
