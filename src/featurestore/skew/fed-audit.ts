import type { FeatureServiceData, ModelData } from '../../features/define/declaration.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { inputNumber, UnfitCell } from '../../model/cell-number.ts';
import { type ModelInput, modelInputs } from '../../model/model-inputs.ts';
import { isNumberType, type NumberType } from '../../model/number-type.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { fedTable } from './fed-log.ts';

/** The inputs of a model, compared with a training set of the same vectors. */
export interface ModelSkew {
  readonly model: string;
  /** Scored rows that were compared. */
  readonly rows: number;
  /** Numbers compared. */
  readonly compared: number;
  /** Of them those that differ: faults of logic. */
  readonly differing: number;
  /** The inputs that differ, with how often. */
  readonly inputs: readonly { readonly input: string; readonly differing: number }[];
  /** Up to ten that differ, to look into. */
  readonly examples: readonly {
    readonly id: string;
    readonly at: number;
    readonly version: number;
    readonly input: string;
    readonly fed: string;
    readonly trained: string;
  }[];
}

export interface FedAuditOptions {
  readonly model: ModelData;
  readonly offline: OfflineStore;
  /** SQL that is true of the vectors to compare. */
  readonly where: string;
}

const EXAMPLES = 10;

/**
 * Compares what a model was fed with the inputs that a training set has for the logged vector, to the last bit. That the
 * vector itself is right is what the rest of the audit says.
 */
export async function auditFed({ model, offline, where }: FedAuditOptions): Promise<ModelSkew> {
  const { service } = model;
  const trained = trainedInputs(service);
  const differing = new Map<string, number>();
  const examples: ModelSkew['examples'][number][] = [];
  let rows = 0;
  let compared = 0;
  for await (const batch of offline.query(fedSql(model, offline, where))) {
    for (const [id, at, version, names, inputs, types, ...vector] of batch) {
      rows += 1;
      const fed = numbersOf(inputs);
      const kinds = listOf(types);
      listOf(names).forEach((name, i) => {
        const input = String(name);
        const expected = trained(input, String(kinds[i] ?? 'FP32'), vector);
        if (expected === null) return;
        compared += 1;
        if (Object.is(fed[i], expected)) return;
        differing.set(input, (differing.get(input) ?? 0) + 1);
        if (examples.length < EXAMPLES)
          examples.push({
            id: String(id),
            at: Number(at),
            version: Number(version),
            input,
            fed: String(fed[i]),
            trained: String(expected),
          });
      });
    }
  }
  const counts = [...differing].map(([input, count]) => ({ input, differing: count }));
  const total = counts.reduce((sum, one) => sum + one.differing, 0);
  return { model: model.name, rows, compared, differing: total, inputs: counts, examples };
}

/** The number of an input in a tensor of a type, by the logged values of a vector; null: the service has no such input. */
type TrainedInput = (input: string, type: string, vector: readonly OfflineValue[]) => number | null;

/** Makes inputs of the logged values of a vector by the rule that a row of a set is fed by. */
function trainedInputs(service: FeatureServiceData): TrainedInput {
  const known = new Map(modelInputs(service).map((input) => [input.name, input]));
  const numbers = new Map<string, (vector: readonly OfflineValue[]) => number>();
  return (name, type, vector) => {
    const input = known.get(name);
    if (input === undefined || !isNumberType(type)) return null;
    const key = `${type} ${name}`;
    const number = numbers.get(key) ?? trainedInput(input, type);
    numbers.set(key, number);
    return number(vector);
  };
}

function trainedInput(input: ModelInput, type: NumberType): (vector: readonly OfflineValue[]) => number {
  const decode = valueDecoder(input.type);
  const number = inputNumber(input, type);
  return (vector) => {
    try {
      return Number(number(decode(vector[input.feature])));
    } catch (error) {
      // The model cannot have been fed it.
      if (error instanceof UnfitCell) return Number.NaN;
      throw error;
    }
  };
}

/** Rows that were fed, with their logged vectors; an id that was asked twice at one instant names no vector, and is left out. */
function fedSql(model: ModelData, offline: OfflineStore, where: string): string {
  const { service } = model;
  const features = service.features.map(({ name }, i) => `"f_${name}" AS v_${i}`);
  const once = `WHERE ${where} QUALIFY COUNT(*) OVER (PARTITION BY _id, _at) = 1`;
  const values = service.features.map((_, i) => `v_${i}`);
  return `SELECT ${['f.*', ...values].join(', ')}
FROM (SELECT _id, _at, version, names, inputs, types FROM ${offline.relation(fedTable(model))} AS t ${once}) AS f
JOIN (SELECT ${['_id AS s_id', '_at AS s_at', ...features].join(', ')} FROM ${offline.relation(servedTable(service))} AS t ${once}) AS s
ON s_id = f._id AND s_at = f._at`;
}

function listOf(value: OfflineValue): readonly OfflineValue[] {
  return Array.isArray(value) ? value : [];
}

function numbersOf(value: OfflineValue): readonly number[] {
  return listOf(value).map(Number);
}
