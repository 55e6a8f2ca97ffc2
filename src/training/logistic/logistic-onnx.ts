import { OnnxGraph } from '../onnx-export/onnx-graph.ts';
import type { CategoryFeature, Design, NumberFeature } from './design.ts';

export const ONNX_INPUT = 'features';
export const ONNX_OUTPUT = 'probability';

/** ONNX type numbers for Cast. */
const TO_FLOAT = 1;

/**
 * The fitted model as one ONNX file that takes raw features, NaN where one is missing: imputation, scaling, indicators
 * and categories are in the graph, so that serving cannot prepare them in another way.
 */
export function logisticOnnx(design: Pick<Design, 'features' | 'width'>, weights: Float64Array): Uint8Array {
  const graph = new OnnxGraph();
  const columns = design.features.length;
  const missing = graph.node('IsNaN', [ONNX_INPUT]);
  const terms = [
    numberTerm(graph, design, weights, missing),
    indicatorTerm(graph, design, weights, missing),
    ...categoryTerms(graph, design, weights),
  ];
  const intercept = graph.floats([weights[design.width - 1]], [1]);
  const sum = terms.reduce((left, right) => graph.node('Add', [left, right]), intercept);
  graph.node('Squeeze', [graph.node('Sigmoid', [sum]), graph.integers([1])], {}, { output: ONNX_OUTPUT });
  return graph.finish(ONNX_INPUT, columns, ONNX_OUTPUT);
}

function numbersOf(design: Pick<Design, 'features'>): readonly NumberFeature[] {
  return design.features.filter((feature) => feature.kind === 'number');
}

/** ((x or mean, within what was seen) − mean) / scale, times the weights; columns of categories have weight 0. */
function numberTerm(
  graph: OnnxGraph,
  design: Pick<Design, 'features'>,
  weights: Float64Array,
  missing: string,
): string {
  const columns = design.features.length;
  const numbers = numbersOf(design);
  const row = (of: (feature: NumberFeature, i: number) => number, shape: readonly number[]) => {
    const values = new Array<number>(columns).fill(0);
    numbers.forEach((feature, i) => {
      values[feature.column] = of(feature, i);
    });
    return graph.floats(values, shape);
  };
  const mean = row((feature) => feature.mean, [columns]);
  const whole = graph.node('Where', [missing, mean, ONNX_INPUT]);
  const least = row((feature) => feature.least, [columns]);
  const greatest = row((feature) => feature.greatest, [columns]);
  const within = graph.node('Max', [graph.node('Min', [whole, greatest]), least]);
  const slopes = row(({ scale }, i) => weights[i] / scale, [columns, 1]);
  return graph.node('MatMul', [graph.node('Sub', [within, mean]), slopes]);
}

function indicatorTerm(
  graph: OnnxGraph,
  design: Pick<Design, 'features'>,
  weights: Float64Array,
  missing: string,
): string {
  const columns = design.features.length;
  const numbers = numbersOf(design);
  const slopes = new Array<number>(columns).fill(0);
  numbers
    .filter((feature) => feature.missing)
    .forEach(({ column }, i) => {
      slopes[column] = weights[numbers.length + i];
    });
  return graph.node('MatMul', [graph.node('Cast', [missing], { to: TO_FLOAT }), graph.floats(slopes, [columns, 1])]);
}

/** Of each category feature: (x = value) per value, times the weights. */
function categoryTerms(
  graph: OnnxGraph,
  design: Pick<Design, 'features' | 'width'>,
  weights: Float64Array,
): readonly string[] {
  let next = design.width;
  return design.features
    .filter((feature): feature is CategoryFeature => feature.kind === 'category')
    .map(({ column, values }) => {
      const slopes = [...weights.subarray(next, next + values.length)];
      next += values.length;
      const picked = graph.node('Gather', [ONNX_INPUT, graph.integers([column])], { axis: 1 });
      const equal = graph.node('Equal', [picked, graph.floats(values, [1, values.length])]);
      return graph.node('MatMul', [
        graph.node('Cast', [equal], { to: TO_FLOAT }),
        graph.floats(slopes, [values.length, 1]),
      ]);
    });
}
