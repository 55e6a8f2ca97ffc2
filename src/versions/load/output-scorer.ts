import { fail } from '../../base/errors/fail.ts';
import { type ModelRows, rowsBetween, tensorsOfRows } from '../../model/model-rows.ts';
import { MODEL_ENCODING } from '../../model/model-value.ts';
import { type RowInputs, rowInputs, trainedInputs } from '../../model/row-inputs.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import { foreignVersion } from '../../registry/foreign-version.ts';
import { loggedVersion } from '../../registry/logged-version.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { classLabels } from '../../schema/onnx-class-labels.ts';
import { elementsOf, joinRows, rowsOfTensor, type Tensor, type TensorSpec } from '../../schema/tensor.ts';
import { prepareForeign } from '../source/open-foreign.ts';
import { digestOf, loadForJob, loadResolved, type VersionTools } from './load-for-job.ts';
import type { ModelOutput } from './model-output.ts';
import { patientScorer } from './patient-scorer.ts';
import type { ScoredVersion } from './scored-version.ts';
import { columnNamesOf } from './version-scoring.ts';

/** A loaded version that answers tensors of its outputs for rows of features. */
interface OutputScorer {
  readonly inputs: RowInputs;
  run(rows: ModelRows): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

/** The columns and outputs of a version that a job reads and writes. */
interface OutputsAsked {
  readonly model: string;
  readonly version: number;
  /** The columns that the version reads; null: those that it names. */
  readonly columns: readonly string[] | null;
  /** Its outputs to write; null: all. */
  readonly outputs: readonly string[] | null;
}

/**
 * Resolves a version of any origin whose outputs a job writes by name. It is loaded once, to see its tensors, which may be texts.
 * Errors: REGISTRY_VERSION, REGISTRY_SEAL, PREDICT_OUTPUTS, PYTHON_*, MODEL_FILE, ARTIFACT_*.
 */
export async function resolveOutputs(
  { model, version, columns, outputs }: OutputsAsked,
  { registry, ...tools }: VersionTools & { readonly registry: ModelRegistry },
): Promise<ScoredVersion & { readonly outputs: readonly ModelOutput[] }> {
  const record = await loadableRecord(registry, model, version);
  const { trained } = record;
  if (trained === null) await prepareForeign(record, tools);
  const { loaded, file } = await loadForJob(record, tools);
  try {
    // One that was made of a Python program has the outputs of the program, wherever it runs.
    const namesClasses = trained !== null || (await foreignVersion(record, tools.artifacts)).kind === 'onnx';
    const chosen = chosenOutputs(loaded.signature.outputs, outputs).map((spec) =>
      outputOf(spec, namesClasses ? file : null),
    );
    if (trained !== null) return { version: trained, foreign: null, outputs: chosen };
    const names = columns ?? (await columnNamesOf(record, tools));
    const inputs = rowInputs(loaded.signature.inputs, names, true);
    if (typeof inputs === 'string')
      throw fail('PYTHON_FLAVOR', { model, version, reason: `${inputs}; name them with --inputs` });
    const [{ name: input }] = loaded.signature.inputs;
    const signature = { features: inputs.features, input, output: '', encoding: MODEL_ENCODING };
    const foreign = { record, inputs, output: '', onnx: digestOf(file) };
    return { version: loggedVersion(record, signature), foreign, outputs: chosen };
  } finally {
    await loaded.close();
  }
}

/** Loads a resolved version, which must be what it was when it was resolved. Errors: ARTIFACT_*, MODEL_*, PYTHON_*. */
export async function loadOutputs(
  scored: ScoredVersion & { readonly outputs: readonly ModelOutput[] },
  tools: VersionTools,
): Promise<OutputScorer> {
  const { version, foreign, outputs } = scored;
  const loaded = await loadResolved(scored, tools);
  const names = outputs.map(({ name }) => name);
  if (foreign === null) return scorerOf(loaded, trainedInputs(version.signature), names);
  return patientScorer(scorerOf(loaded, foreign.inputs, names));
}

function chosenOutputs(specs: readonly TensorSpec[], names: readonly string[] | null): readonly TensorSpec[] {
  const known = specs.map(({ name }) => name).join(', ');
  const chosen = (names ?? specs.map(({ name }) => name)).map((wanted) => {
    const found = specs.find(({ name }) => name === wanted);
    if (found === undefined) throw fail('PREDICT_OUTPUTS', { output: wanted, reason: `the version has ${known}` });
    return found;
  });
  if (chosen.length === 0)
    throw fail('PREDICT_OUTPUTS', { output: '', reason: 'the version has no output that is a tensor' });
  return chosen;
}

function outputOf({ name, type, shape }: TensorSpec, file: Uint8Array | null): ModelOutput {
  const size = elementsOf(shape.slice(1));
  const labels = file === null ? null : classLabels(file, name);
  const classes =
    labels !== null && new Set(labels).size === labels.length && (size < 0 || size === labels.length) ? labels : null;
  return { name, type, isList: size !== 1, classes };
}

function scorerOf(loaded: LoadedModel, inputs: RowInputs, names: readonly string[]): OutputScorer {
  const order = loaded.signature.inputs.map(({ name }) => name);
  const runAll = async (rows: ModelRows) => {
    // Numbers and texts come apart.
    const given = tensorsOfRows(inputs, rows).toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    const found = await loaded.run(given, names);
    for (const { name, shape } of found)
      if (shape[0] !== rows.rows)
        throw fail('PREDICT_OUTPUTS', { output: name, reason: `it has [${shape.join(',')}] for ${rows.rows} rows` });
    return found;
  };
  const runSingle = async (rows: ModelRows) => {
    const found: (readonly Tensor[])[] = [];
    for (let row = 0; row < rows.rows; row += 1) found.push(await runAll(rowsBetween(inputs, rows, row, row + 1)));
    return names.map((_, i) => joined(found.map((tensors) => tensors[i])));
  };
  return { inputs, run: inputs.isSingle ? runSingle : runAll, close: () => loaded.close() };
}

function joined([first, ...others]: readonly Tensor[]): Tensor {
  return joinRows([first, ...others.map((one) => rowsOfTensor(one, 0, 1))]);
}
