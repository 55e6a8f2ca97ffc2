/** The fields of one CSV line: quotes may enclose a field, a doubled quote inside is one. */
export function csvFields(line: string, separator = ','): readonly string[] {
  if (!line.includes('"')) return line.split(separator);
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let end = at + 1;
      let text = '';
      for (;;) {
        const quote = line.indexOf('"', end);
        if (quote < 0) return [...fields, text + line.slice(end)];
        text += line.slice(end, quote);
        end = quote + 1;
        if (line[end] !== '"') break;
        text += '"';
        end += 1;
      }
      const comma = line.indexOf(separator, end);
      fields.push(text);
      if (comma < 0) return fields;
      at = comma + 1;
    } else {
      const comma = line.indexOf(separator, at);
      if (comma < 0) return [...fields, line.slice(at)];
      fields.push(line.slice(at, comma));
      at = comma + 1;
    }
  }
}

/** The lines of a text, without their ends. */
export function linesOf(text: string): readonly string[] {
  return text.split(/\r\n|\n|\r/);
}

/**
 * A number as tools print it: thousands commas, a unit after it; NaN for `-`, `N/A`, `[N/A]`, `n/a`, `[Not Supported]`, `ERR!`
 * and other texts. With `decimalComma`, `1.234,56` is 1234.56.
 */
export function printedNumber(text: string | undefined, decimalComma = false): number {
  if (text === undefined) return Number.NaN;
  const match = /^\s*([+-]?[\d.,'\u00a0\u202f]+(?:[eE][+-]?\d+)?)\s*[^\d\s]?.*$/.exec(text);
  if (match === null) return Number.NaN;
  const digits = (match[1] ?? '').replaceAll(/['\u00a0\u202f]/g, '');
  const plain = decimalComma ? digits.replaceAll('.', '').replace(',', '.') : digits.replaceAll(',', '');
  return plainNumber(plain);
}

/** A share in percent as tools print it; NaN outside of 0 to 100, which no counter can report. */
export function printedPercent(text: string | undefined): number {
  const value = printedNumber(text);
  return value >= 0 && value <= 100 ? value : Number.NaN;
}

/**
 * The lines of a recorded text that are whole. Tools end each line: a last line without its end was cut, and half of a number
 * is another number. A single line is taken as it is.
 */
export function wholeLines(text: string): readonly string[] {
  const lines = linesOf(text);
  const isCut = (lines[lines.length - 1] ?? '').trim() !== '' && lines.filter((line) => line.trim() !== '').length > 1;
  return isCut ? lines.slice(0, -1) : lines;
}

/** A finite number and nothing else; NaN of a blank cell and of other texts. */
export function plainNumber(text: string | undefined): number {
  const cell = (text ?? '').trim();
  const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell) ? Number(cell) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}
