import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isNumberType, type NumberType } from '../../src/model/number-type.ts';
import { scaledToText } from '../../src/schema/decimal.ts';
import { tensorArrays } from '../../src/schema/tensor.ts';
import { EDGE_DOUBLES, EDGE_WHOLES, type ExactCell, wanted } from '../model/exact-cells.ts';

const TYPES: readonly NumberType[] = Object.keys(tensorArrays).filter(isNumberType);
const source = (path: string) => fileURLToPath(new URL(`../../src/backends/spark/${path}`, import.meta.url));

/** Cells as a column has them: its kind, its text, and its value. */
type Cell = readonly [kind: 'double' | 'long' | 'decimal' | 'text', text: string, cell: ExactCell];

const DIGITS = [...EDGE_WHOLES, 5_596_837_841n, 9_007_199_254_740_993n, -1n, 5n];
const CELLS: readonly Cell[] = [
  ...EDGE_DOUBLES.map((one): Cell => ['double', Object.is(one, -0) ? '-0.0' : String(one), one]),
  ...EDGE_WHOLES.filter((one) => BigInt.asIntN(64, one) === one).map(
    (digits): Cell => ['long', String(digits), { digits, scale: 0 }],
  ),
  ...[0, 2, 7].flatMap((scale) =>
    DIGITS.map((digits): Cell => ['decimal', scaledToText(digits, scale), { digits, scale }]),
  ),
  ...EDGE_WHOLES.map((digits): Cell => ['text', String(digits), { digits, scale: 0 }]),
  ...['1.5', '1e3', '.5', '0.1', '1e300', '55968378.41'].map((text): Cell => ['text', text, Number(text)]),
];

/** A number as its text: of floats the shortest that reads back. */
function shown(number: number | bigint | null): string {
  if (number === null) return 'unfit';
  if (typeof number === 'number' && Number.isNaN(number)) return 'NaN';
  return Object.is(number, -0) ? '-0' : String(number);
}

const WANTED = TYPES.flatMap((type) =>
  CELLS.map(([kind, text, cell]) => `${type} ${kind} ${text} ${shown(wanted(cell, type))}`),
);
const ASKED = TYPES.flatMap((type) => CELLS.map(([kind, text]) => `${type} ${kind} ${text}`)).join('\n');

/** The answers of a program, with numbers as JavaScript writes them. */
function read(output: string): readonly string[] {
  return output
    .trim()
    .split('\n')
    .map((line) => {
      const [type = '', kind, text, number = ''] = line.split(' ');
      const isFloat = type === 'FP32' || type === 'FP64';
      return `${type} ${kind} ${text} ${number === 'unfit' || !isFloat ? number : shown(Number(number))}`;
    });
}

/** The output of a program that is asked for the numbers. */
function ran(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { input: ASKED, encoding: 'utf8' });
}

function has(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const JAVA = `package headrace;
import java.math.BigDecimal;
import java.util.Scanner;
public final class AskCells {
  public static void main(String[] args) {
    Scanner in = new Scanner(System.in);
    StringBuilder out = new StringBuilder();
    while (in.hasNextLine()) {
      String[] asked = in.nextLine().split(" ");
      Object cell = switch (asked[1]) {
        case "double" -> Double.valueOf(asked[2]);
        case "long" -> Long.valueOf(asked[2]);
        case "decimal" -> new BigDecimal(asked[2]);
        default -> asked[2];
      };
      String found;
      try {
        long bits = ScoreCell.bits(cell, asked[0]);
        found = asked[0].startsWith("FP") ? String.valueOf(ScoreCell.shown(bits, asked[0])) : asked[0].equals("UINT64") ? Long.toUnsignedString(bits) : String.valueOf(bits);
      } catch (ScoreCell.Unfit unfit) {
        found = "unfit";
      }
      out.append(String.join(" ", asked)).append(' ').append(found).append('\\n');
    }
    System.out.print(out);
  }
}
`;

test.skipIf(!has('javac', ['-version']))(
  'the executors of Spark make the numbers that worker processes make (no javac: skipped)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'headrace-cells-'));
    const program = join(folder, 'AskCells.java');
    writeFileSync(program, JAVA);
    ran('javac', ['-nowarn', '-d', folder, source('score-runner/ScoreCell.java'), program]);
    const output = ran('java', ['-cp', folder, 'headrace.AskCells']);
    expect(read(output)).toEqual(WANTED);
  },
);

const PYTHON = `
import decimal, importlib.util, sys
import numpy, pyarrow
spec = importlib.util.spec_from_file_location("headrace_score", sys.argv[1])
score = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score)
MAKE = {"double": lambda t: pyarrow.array([float(t)]), "long": lambda t: pyarrow.array([int(t)], pyarrow.int64()),
        "decimal": lambda t: pyarrow.array([decimal.Decimal(t)]), "text": lambda t: pyarrow.array([t])}
for line in sys.stdin.read().split("\\n"):
    kind, column, text = line.split(" ")
    values, unfit = score.numbers_of(MAKE[column](text), kind, numpy, pyarrow)
    number = values[0]
    said = "unfit" if unfit[0] else repr(float(number)) if kind.startswith("FP") else str(int(number))
    print(line, said.replace("inf", "Infinity").replace("nan", "NaN"))
`;

const python = process.env['HEADRACE_PYTHON'] ?? 'python3';

test.skipIf(!has(python, ['-c', 'import numpy, pyarrow']))(
  'the Python of the executors makes the same numbers (HEADRACE_PYTHON names no Python with numpy and pyarrow: skipped)',
  () => {
    const args = ['-c', PYTHON, source('score-python/headrace_score.py')];
    expect(read(ran(python, args))).toEqual(WANTED);
  },
);
