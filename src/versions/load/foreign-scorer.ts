import { createHash } from 'node:crypto';
import { fail } from '../../base/errors/fail.ts';
import { type ModelRows, rowsBetween, tensorsOfRows } from '../../model/model-rows.ts';
import { MODEL_ENCODING } from '../../model/model-value.ts';
import { type RowInputs, rowInputs } from '../../model/row-inputs.ts';
import { scoresOfTensor } from '../../model/scores.ts';
import type { ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import { loggedVersion } from '../../registry/logged-version.ts';
import { signatureColumns } from '../../registry/mlmodel.ts';
import type { Scorer } from '../../registry/scorer.ts';
import { isScoringTag, SCORING_TAGS } from '../../registry/scoring-tags.ts';
import { elementsOf, type Tensor, type TensorSpec } from '../../schema/tensor.ts';
import { type ForeignTools, openForeign } from '../source/open-foreign.ts';

const { features: FEATURES, output: OUTPUT } = SCORING_TAGS;

/** The tags of a version that say how it scores. */
export function scoringTags({ tags }: VersionRecord): Readonly<Record<string, string>> {
  const found = tags.filter(({ key }) => isScoringTag(key));
  return Object.fromEntries(found.map(({ key, value }) => [key, value]));
}

/** A version that another program logged, as a project scores with it. */
export interface ForeignScorer {
  readonly version: ModelVersion;
  readonly scorer: Scorer;
  /** The inputs and the output of the model, and how rows fill them. */
  readonly inputs: RowInputs;
  readonly output: TensorSpec;
  /** The ONNX file that runs, by its digest; null: a Python program runs. */
  readonly onnx: string | null;
}

/** Where foreign versions run, and the columns that a job names in the place of the version's own. */
export interface ForeignScorerTools extends ForeignTools {
  readonly runtime: ModelRuntime;
  readonly columns?: readonly string[] | null;
}

/**
 * Loads a version that another program logged as a scorer of features. They are the columns that the caller or the tag
 * `headrace.features` names, those of its signature, or its inputs. A score is the one number that it gives for a row, or the second
 * of two (the probability of the positive class). Errors: PYTHON_*, MODEL_FILE, ARTIFACT_*.
 */
export async function loadForeignScorer(record: VersionRecord, tools: ForeignScorerTools): Promise<ForeignScorer> {
  const opened = await openForeign(record, tools);
  const loaded = opened.kind === 'onnx' ? await tools.runtime.load(opened.file) : await ownModel(opened);
  try {
    const inputs = rowInputs(loaded.signature.inputs, tools.columns ?? (await columnNamesOf(record, tools)));
    if (typeof inputs === 'string')
      throw refuse(record, `${inputs}; name a column for each number of its inputs by the tag ${FEATURES}`);
    const output = outputOf(record, loaded);
    const [{ name: input }] = loaded.signature.inputs;
    const { features } = inputs;
    const version = loggedVersion(record, { features, input, output: output.name, encoding: MODEL_ENCODING });
    const onnx = opened.kind === 'onnx' ? createHash('sha256').update(opened.file).digest('hex') : null;
    return { version, scorer: scorerOf(loaded, { record, inputs, output }), inputs, output, onnx };
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

async function ownModel(opened: Exclude<Awaited<ReturnType<typeof openForeign>>, { readonly kind: 'onnx' }>) {
  if (opened.kind === 'process') return opened.loaded;
  throw fail('MODEL_FILE', { reason: `a version of the registry is no ${opened.platform}` });
}

function refuse({ model, version }: VersionRecord, reason: string) {
  return fail('PYTHON_FLAVOR', { model, version, reason });
}

/** The columns of its inputs that a version names, in order; null: it names none. Errors: ARTIFACT_*. */
export async function columnNamesOf(
  record: VersionRecord,
  { artifacts }: Pick<ForeignTools, 'artifacts'>,
): Promise<readonly string[] | null> {
  const tag = scoringTags(record)[FEATURES];
  return tag === undefined ? signatureColumns(record.files, artifacts) : tag.split(',').map((name) => name.trim());
}

function outputOf(record: VersionRecord, { signature: { outputs } }: LoadedModel): TensorSpec {
  const tag = scoringTags(record)[OUTPUT];
  const found = tag === undefined ? onlyOutput(outputs) : outputs.find(({ name }) => name === tag);
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

interface ScorerFacts {
  readonly record: VersionRecord;
  readonly inputs: RowInputs;
  readonly output: TensorSpec;
}

function scorerOf(loaded: LoadedModel, { record, inputs, output }: ScorerFacts): Scorer {
  const run = async (rows: ModelRows) => {
    const [{ data }] = await loaded.run(tensorsOfRows(inputs, rows), [output.name]);
    return scoresOf(record, data, rows.rows);
  };
  const close = () => loaded.close();
  if (!inputs.isSingle) return { inputs, run, close };
  return {
    inputs,
    run: async (rows) => {
      const scores = new Float64Array(rows.rows);
      for (let row = 0; row < rows.rows; row += 1) scores.set(await run(rowsBetween(inputs, rows, row, row + 1)), row);
      return scores;
    },
    close,
  };
}

function scoresOf({ model, version }: VersionRecord, data: Tensor['data'], rows: number): Float64Array {
  if (data.length === rows || data.length === 2 * rows) return scoresOfTensor(data, rows);
  throw fail('PYTHON_OUTPUT', { model, version, reason: `${data.length} numbers for ${rows} rows` });
}
