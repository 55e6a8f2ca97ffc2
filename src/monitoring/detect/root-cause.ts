import type { ColumnValues } from '../../ports/table-file.ts';
import { type DomainClassifier, domainClassifier } from '../../stats/domain-classifier.ts';
import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';

/** Rows of each side that the classifier sees. */
const SAMPLE = 4000;

/** Collects the codes of evenly spaced rows, column by column, so that no more than one column is in memory. */
export class DomainSample {
  readonly #columns: Uint8Array[] = [];
  readonly #ordered: boolean[] = [];
  readonly #names: string[] = [];
  readonly #reference: number;
  readonly #current: number;

  constructor(referenceRows: number, currentRows: number) {
    this.#reference = Math.min(SAMPLE, referenceRows);
    this.#current = Math.min(SAMPLE, currentRows);
  }

  add(name: string, bins: FrozenBins, reference: ColumnValues, current: ColumnValues): void {
    const codes = new Uint8Array(this.#reference + this.#current);
    for (let i = 0; i < this.#reference; i += 1)
      codes[i] = binOf(bins, reference[Math.floor((i * reference.length) / this.#reference)]);
    for (let i = 0; i < this.#current; i += 1)
      codes[this.#reference + i] = binOf(bins, current[Math.floor((i * current.length) / this.#current)]);
    this.#columns.push(codes);
    this.#ordered.push(bins.kind === 'edges');
    this.#names.push(name);
  }

  /** How different the rows are, and the share of each column in it: of none where the interval of the AUC includes .5. */
  classify(): { readonly auc: number; readonly shares: ReadonlyMap<string, number> } | null {
    if (this.#columns.length === 0) return null;
    const domain = Uint8Array.from({ length: this.#reference + this.#current }, (_, i) =>
      i < this.#reference ? 0 : 1,
    );
    const found: DomainClassifier | null = domainClassifier(
      { columns: this.#columns, ordered: this.#ordered, domain },
      1,
    );
    if (found === null) return null;
    // A classifier that tells nothing apart has learned noise: its shares are none.
    const learned = found.interval[0] > 0.5 ? this.#names : [];
    return { auc: found.auc, shares: new Map(learned.map((name, i) => [name, found.shares[i]])) };
  }
}
