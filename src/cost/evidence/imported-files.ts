import { dirname, extname, join } from 'node:path';

/** A file of a program, and the folders that its imports are looked up in. */
export interface ProgramFile {
  readonly path: string;
  readonly text: string;
  readonly roots: readonly string[];
}

/** Paths that a file may import, by its text: those that exist are for the caller to find. */
export function importedFiles(file: ProgramFile): readonly string[] {
  const ending = extname(file.path);
  if (ending === '.py') return pythonImports(file);
  if (['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.tsx', '.jsx'].includes(ending)) return scriptImports(file);
  return ending === '.sh' ? shellWords(file) : [];
}

/** `import a.b`, `from a import b`, `from .a import b`, with names in brackets over several lines. */
function pythonImports({ path, text, roots }: ProgramFile): readonly string[] {
  return statements(text).flatMap((line) => {
    const words = line.replaceAll(/[(),]/g, ' ').split(/\s+/).filter(Boolean);
    if (words[0] === 'import') return names(words.slice(1)).flatMap((name) => modulePaths(name, roots));
    const at = words.indexOf('import');
    const [from, module = ''] = words;
    if (from !== 'from' || at < 2) return [];
    const dots = module.length - module.replace(/^\.+/, '').length;
    const base = dots === 0 ? roots : [join(dirname(path), ...Array.from({ length: dots - 1 }, () => '..'))];
    const own = module.slice(dots);
    const parts = names(words.slice(at + 1)).filter((name) => name !== '*');
    return [own, ...parts.map((name) => (own === '' ? name : `${own}.${name}`))]
      .filter((name) => name !== '')
      .flatMap((name) => modulePaths(name, base));
  });
}

/** Names without `as other`, up to a `#` or `;`. */
function names(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith('#') || word.startsWith(';'));
  return (end < 0 ? words : words.slice(0, end)).filter(
    (word, index, all) => word !== 'as' && all[index - 1] !== 'as' && /^[A-Za-z_*][A-Za-z0-9_.]*$/.test(word),
  );
}

/** Lines that begin with `import` or `from`, each to its end: brackets and backslashes continue it. */
function statements(text: string): readonly string[] {
  const found: string[] = [];
  let open: string | null = null;
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (open === null && !/^(import|from)\b/.test(trimmed)) continue;
    const whole: string = open === null ? trimmed : `${open} ${trimmed}`;
    const bracketed = whole.includes('(') && !whole.includes(')');
    open = bracketed || whole.endsWith('\\') ? whole.replace(/\\$/, '') : null;
    if (open === null) found.push(whole);
  }
  return found;
}

/** `a/b.py` and `a/b/__init__.py` of `a.b`, and the packages above it. */
function modulePaths(name: string, roots: readonly string[]): readonly string[] {
  const parts = name.split('.').filter(Boolean);
  return roots.flatMap((root) => {
    const packages = parts.map((_, index) => join(root, ...parts.slice(0, index + 1), '__init__.py'));
    return [`${join(root, ...parts)}.py`, ...packages];
  });
}

/** Each text in quotes that begins with `./` or `../`: an import, a require, or a file that is read. */
function scriptImports({ path, text }: ProgramFile): readonly string[] {
  return text.split(/['"`]/).flatMap((literal) => {
    if (!literal.startsWith('./') && !literal.startsWith('../')) return [];
    if (literal.length > 500 || literal.includes('\n')) return [];
    const base = join(dirname(path), literal);
    return [base, ...['.ts', '.mts', '.js', '.mjs', '.json'].map((ending) => `${base}${ending}`)];
  });
}

/** Each word of a shell file may be a file. */
function shellWords({ path, text, roots }: ProgramFile): readonly string[] {
  return text
    .split(/[\s'";|&()]+/)
    .filter((word) => word.includes('.') && word.length < 500 && !word.includes('\0'))
    .flatMap((word) => [dirname(path), ...roots].map((root) => (word.startsWith('/') ? word : join(root, word))));
}
