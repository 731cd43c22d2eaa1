/** The sources of the bundled strategies with their library, as they are in the repository when the page is built. */
const TEXTS = import.meta.glob<string>(
  [
    '../../../strategies/assemblyscript/*.ts',
    '../../../strategies/assemblyscript/lib/*.ts',
    '../../../strategies/assemblyscript/asconfig.json',
  ],
  { query: '?raw', import: 'default', eager: true },
);

/** By path, as the compiler asks for them: `lib/wasmverse.ts`. */
export const FILES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(TEXTS).map(([path, text]) => [path.replace(/^.*\/assemblyscript\//, ''), text]),
);

/** What one may begin with; the first one is meant for it. */
export const STARTS: readonly { readonly title: string; readonly file: string }[] = [
  { title: 'To begin with: the nearest node', file: 'my_strategy.ts' },
  { title: 'Blank: does nothing', file: 'strategy_blank.ts' },
  { title: 'Default: grow, eat, roam', file: 'strategy_default.ts' },
  { title: 'Flee: run from every ship', file: 'strategy_flee.ts' },
  { title: 'Battle: arm, then hunt', file: 'strategy_battle.ts' },
];

export interface LibraryName {
  readonly name: string;
  /** Its parameters and what it gives. */
  readonly signature: string;
  /** What is written above it in the library. */
  readonly words: string;
}

/** What the library exports, read from its text. */
export function libraryNames(text: string): LibraryName[] {
  const pattern =
    /(?:\/\*\*([\s\S]*?)\*\/\s*)?(?:@\w+(?:\([^)]*\))?\s*)*export (?:const enum|function|const|class|enum|namespace) (\w+)(\([^)]*\)(?:: [\w| ]+)?)?/g;
  return [...text.matchAll(pattern)].map(([, comment = '', name = '', signature = '']) => ({
    name,
    signature: signature.replace(/\s+/g, ' ').trim(),
    words: comment.replace(/\s*\n\s*\*\s?/g, ' ').trim(),
  }));
}
