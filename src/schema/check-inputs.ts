import { shapeFits, type Tensor, type TensorSignature } from './tensor.ts';

/** Says why tensors are not the inputs of a signature, or why outputs are unknown; null where they fit. */
export function inputFault(
  { inputs, outputs }: TensorSignature,
  tensors: readonly Tensor[],
  asked: readonly string[] = [],
): string | null {
  const known = new Map(inputs.map((spec) => [spec.name, spec]));
  const seen = new Set<string>();
  for (const { name, type, shape } of tensors) {
    const spec = known.get(name);
    if (spec === undefined) return `unexpected inference input '${name}'; the model has ${namesOf(inputs)}`;
    if (seen.has(name)) return `input '${name}' already exists in request`;
    seen.add(name);
    if (spec.type !== type)
      return `inference input '${name}' data-type is '${type}', but the model expects '${spec.type}'`;
    if (!shapeFits(shape, spec.shape))
      return `unexpected shape for input '${name}'. Expected [${spec.shape.join(',')}], got [${shape.join(',')}]`;
  }
  const missing = inputs.find(({ name }) => !seen.has(name));
  if (missing !== undefined)
    return `expected ${inputs.length} inputs but got ${tensors.length} inputs. Got input(s) [${[...seen].map((name) => `'${name}'`).join(',')}], but missing required input(s) ['${missing.name}']`;
  const unknown = asked.find((name) => !outputs.some((output) => output.name === name));
  return unknown === undefined ? null : `unexpected inference output '${unknown}'; the model has ${namesOf(outputs)}`;
}

function namesOf(specs: readonly { readonly name: string }[]): string {
  return specs.map(({ name }) => `'${name}'`).join(', ');
}
