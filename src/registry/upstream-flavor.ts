/** The flavour of a version that another server answers. */
const UPSTREAM_FLAVOR = 'headrace_upstream';

/** The file of a version with the text that a chat model gets for each row. */
export const PROMPT_FILE = 'prompt.txt';

/** How another server answers a version. The environment says where it is: addresses and keys differ between environments. */
export interface UpstreamFlavor {
  /** Its name under `models.upstreams`. */
  readonly upstream: string;
  /** The name of the model there. */
  readonly model: string;
}

/** The MLmodel file of such a version. */
export function upstreamMlmodel({ upstream, model }: UpstreamFlavor): string {
  return `flavors:\n  ${UPSTREAM_FLAVOR}:\n    upstream: ${upstream}\n    model: ${model}\n`;
}

/** The flavour as an MLmodel file has it; null: it has none, or not whole. */
export function upstreamFlavor(flavors: ReadonlyMap<string, ReadonlyMap<string, string>>): UpstreamFlavor | null {
  const found = flavors.get(UPSTREAM_FLAVOR);
  const [upstream, model] = [found?.get('upstream') ?? '', found?.get('model') ?? ''];
  return upstream === '' || model === '' ? null : { upstream, model };
}
