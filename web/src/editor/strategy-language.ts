import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { indentWithTab } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { lintGutter } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import type { Extension } from '@codemirror/state';
import { highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';

interface LibraryName {
  readonly name: string;
  readonly signature: string;
  readonly words: string;
}

/** AssemblyScript, with the names of the strategies' library. */
export function strategyLanguage(names: readonly LibraryName[]): Extension {
  const options: Completion[] = names.map(({ name, signature, words }) => ({
    label: name,
    detail: signature,
    info: words === '' ? name : words,
    type: signature === '' ? 'constant' : 'function',
    boost: 1,
  }));
  const complete = (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/\w+/);
    if (word === null && !context.explicit) return null;
    return { from: word?.from ?? context.pos, options, validFor: /^\w*$/ };
  };
  const language = javascript({ typescript: true });
  return [language, language.language.data.of({ autocomplete: complete })];
}

/** What a longer text needs beside its language. Tab indents here; Escape leads out of the editor. */
export const LONG_TEXT: Extension = [
  lineNumbers(),
  lintGutter(),
  highlightActiveLine(),
  highlightSelectionMatches(),
  keymap.of([...searchKeymap, indentWithTab]),
];
