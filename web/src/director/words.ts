import { element } from '../panel/element';
import { emblem } from '../panel/emblem';
import { toCss } from '../view/colour';
import { inkOf, strategyColour } from '../view/look';

export interface Part {
  readonly text: string;
  /** The strategy that the text is the name of; null for the words between. */
  readonly strategy: string | null;
}

/** A sentence in parts: the names of strategies in it, and what is between them. */
export function partsOf(text: string, strategies: readonly string[]): Part[] {
  // The longest first: one name may be the beginning of another.
  const names = [...new Set(strategies)].filter((name) => name !== '').sort((a, b) => b.length - a.length);
  if (names.length === 0) return [{ text, strategy: null }];
  const choice = names.map((name) => name.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&')).join('|');
  const pattern = new RegExp(`(?<!\\w)(${choice})(?!\\w)`, 'gi');
  // With a group in the pattern, every second part is a name. A sentence may begin with one, as a capital letter.
  return text
    .split(pattern)
    .map((part, i) => ({
      text: part,
      strategy:
        i % 2 === 1 ? (names.find((name) => name.toLowerCase() === part.toLowerCase()) ?? null) : null,
    }))
    .filter((part) => part.text !== '');
}

/** The sentence with the emblem of each strategy before its name, and, if it is to be coloured, the name in its colour. */
export function wordsOf(text: string, strategies: readonly string[], isColoured: boolean): Node[] {
  return partsOf(text, strategies).map((part) => {
    if (part.strategy === null) return document.createTextNode(part.text);
    // A line never ends between the two.
    const name = element('span', { class: 'named' }, emblem(part.strategy), part.text);
    if (isColoured) name.style.color = toCss(inkOf(strategyColour(part.strategy)));
    return name;
  });
}
