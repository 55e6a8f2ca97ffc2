import type { ProseBlock } from './prose-blocks.ts';

/** A sentence of docs, errors or command help has at most this many words. */
export const MOST_WORDS = 25;

interface ProseRule {
  /** A short name, and what to write instead. */
  readonly name: string;
  /** The pattern: several rules may share a name. */
  readonly pattern: string;
  /** Its form of sentence is not rewritten yet in tests and tools; its words are. */
  readonly isForm?: true;
  /** The phrases of a block that break the rule, with their place in its text. */
  readonly find: (block: ProseBlock) => readonly { readonly at: number; readonly text: string }[];
}

/** A rule for each pattern. A space in a pattern stands for any white space, so a phrase may cross lines. */
function words(name: string, ...patterns: readonly string[]): readonly ProseRule[] {
  return patterns.map((pattern) => {
    const search = new RegExp(pattern.replaceAll(' ', '\\s+'), 'gi');
    return {
      name,
      pattern,
      find: ({ text }) => [...text.matchAll(search)].map((match) => ({ at: match.index, text: match[0] })),
    };
  });
}

/** Forms of sentences, as `words` finds them. */
function forms(name: string, ...patterns: readonly string[]): readonly ProseRule[] {
  return words(name, ...patterns).map((rule) => ({ ...rule, isForm: true }));
}

const PARTICIPLES =
  'acknowledged|asked|committed|counted|declared|done|given|kept|known|logged|measured|missing|published|read|sent|served|stored|written';

/** Words and sentence forms to avoid. Each pattern needs a violation in test/ground/seeded/prose. */
export const proseRules: readonly ProseRule[] = [
  ...words('is-had: write "the store has it"', '\\b(?:is|are|was|were|be|been) had\\b', '\\bto be had\\b'),
  ...words('anew: write "again"', '\\banew\\b'),
  ...words('no-more: write "no longer"', '\\bno more(?=[.,;:)]|$)'),
  ...words('told: write "reported", "called" or "says"', '\\btold\\b', '\\btells? of\\b'),
  ...words('mend: write "hint", "fix" or "repair"', '\\bmend(?:s|ed|ing)?\\b'),
  ...words('beside: write "next to", "after" or "besides"', '\\bbeside\\b', '\\bbehind (?:it|them|these|those)\\b'),
  ...forms(
    'question-as-noun: write "the served values"',
    `\\bwhat (?:is|was|are|were) (?:${PARTICIPLES})\\b`,
    '\\bwhat (?:comes|came|stands|stood|lies|waits|waited)\\b',
    '\\b(?:of|with|from|than|without|until|like|behind|beyond) what\\b',
    '\\b(?:takes?|gives?|keeps?|drops?|sends?|applies|publishes|removes?) what\\b',
  ),
  ...words(
    'so-many: write "this many", "this long", or the number',
    '\\bso many\\b',
    '\\bso (?:long|often)\\b(?! (?:that|as)\\b)',
  ),
  ...words('go-on: write "continue" or "resume"', '\\b(?:go|goes|went) on\\b(?! to\\b)'),
  ...words('amid: write "during"', '\\bamid\\b'),
  ...words('is-none: write "is not a …" or "there is no …"', '\\b(?:it|that|which|who) is none\\b'),
  ...words('speak-of: write "is about"', '\\bspeaks? of\\b'),
  ...words('held-against: write "compare with"', '\\b(?:held|holds?) (?:\\w+ ){0,2}against\\b'),
  ...words('of-its-own: write "its own …"', '\\ban? [\\w-]+ of (?:its|their) own\\b'),
  ...words('lie: write "is" or "are"', '\\b(?:lie|lies) (?:in|under|below|beside|on|there|where|between)\\b'),
  ...words('stand: write "is at"', '\\bfrom where\\b', '\\bto where\\b', '\\bstands? (?:there|where)\\b'),
  ...words('see-to-it: name the act', '\\bsees? to it\\b'),
  ...words(
    'the-one-before: write "the previous one"',
    '\\bthe (?:one|generation|version|value|step|batch|run|commit|record|row|job|declaration) before\\b(?! (?:its?|the|that|an?|this)\\b)',
  ),
  ...words('all-else: write "everything else" or "the rest"', '\\ball else\\b', '\\bwhat(?:ever)? else\\b'),
  ...words('give-back: write "return" or "release"', '\\b(?:give|gives|gave|given|giving) (?:it |them )?back\\b'),
  ...words('hear-of: write "receives" or "learns"', '\\bhears? of\\b'),
  ...words('in-hand: write "current"', '\\bin hand\\b'),
  ...words(
    'be-archaic: write modern English',
    '\\bthereof\\b',
    '\\bwhereby\\b',
    '(?<!\\b(?:can|could|may|must|should|will|would) )\\bit be\\b',
    '\\bto the letter\\b',
  ),
  {
    name: 'what-first: begin the sentence with its subject',
    pattern: 'What …',
    isForm: true,
    find: ({ sentences }) =>
      sentences.filter(
        ({ text }) => /^(?:What|Who|Whose|Whoever|Of (?:which|what))\b/i.test(text) && !/\?$/.test(text),
      ),
  },
  {
    name: `long-sentence: at most ${MOST_WORDS} words`,
    pattern: `more than ${MOST_WORDS} words`,
    find: ({ sentences, kind }) =>
      kind === 'comment' || kind === 'test' ? [] : sentences.filter(({ text }) => wordsOf(text) > MOST_WORDS),
  },
];

/** How many words a sentence has; a code span and a link are one each. */
export function wordsOf(sentence: string): number {
  return sentence
    .replaceAll(/\[[^\]]*\]\([^)]*\)/g, 'link')
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}
