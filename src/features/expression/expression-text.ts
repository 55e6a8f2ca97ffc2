import type { Expression } from './expression.ts';

/** The text of an expression, `gt(e.delay, 15)`; different expressions have different texts. Literals combined with decimals are scaled integers. */
export function expressionText(node: Expression): string {
  switch (node.kind) {
    case 'column':
      return `e.${node.name}`;
    case 'literal':
      return JSON.stringify(node.value);
    case 'compare':
    case 'arithmetic':
      return call(node.op, [node.left, node.right]);
    case 'and':
    case 'or':
      return call(node.kind, node.of);
    case 'not':
    case 'isNull':
      return call(node.kind, [node.of]);
    case 'when':
      return call('when', [node.test, node.then]);
    default:
      return node satisfies never;
  }
}

function call(name: string, of: readonly Expression[]): string {
  return `${name}(${of.map(expressionText).join(', ')})`;
}
