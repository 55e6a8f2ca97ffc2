import type { FeatureServiceData, LookupSpec, ServiceExpression } from '../define/declaration.ts';

/** The features of a lookup that a vector needs: its own and those that computed values read, in the view's order. */
export function neededFeatures(service: FeatureServiceData, lookup: LookupSpec): readonly string[] {
  const read = service.computed.flatMap((spec) => {
    const expressions = spec.kind === 'value' ? [spec.of] : Object.values(spec.inputs);
    return expressions.flatMap((expression) => featuresOf(expression, lookup.alias));
  });
  const { view } = lookup;
  const names = view.kind === 'streamView' ? view.features.map(({ name }) => name) : Object.keys(view.features);
  return names.filter((name) => lookup.features.includes(name) || read.includes(name));
}

function featuresOf(expression: ServiceExpression, alias: string): readonly string[] {
  switch (expression.kind) {
    case 'feature':
      return expression.lookup === alias ? [expression.feature] : [];
    case 'orElse':
      return featuresOf(expression.of, alias);
    case 'request':
    case 'literal':
      return [];
    default:
      return expression satisfies never;
  }
}
