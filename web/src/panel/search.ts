import type { Address } from '../place/address';
import { intoSystem, type Step, TO_MAP } from '../place/step';
import { SourceFailure } from '../source/failure';
import type { Post } from '../source/request';
import { type Found, readFound, searchQuery, WISHES, wishesFor } from '../sql/search';
import { byId, element, write } from './element';
import { emblem } from './emblem';
import { count } from './format';

/** Between two keys of somebody who types; then the server is asked. */
const REST_MS = 180;

/** One line of the list: something found, or a wish that can be completed. */
type Line = Found | { readonly kind: 'wish'; readonly wish: string };

/** What is typed into the bar, and the list below it, as a combobox: arrows choose, Enter goes there, Escape closes. */
export class Search {
  private readonly input = byId('search-for') as HTMLInputElement;
  private readonly list = byId('search-list');
  private lines: readonly Line[] = [];
  private chosen = -1;
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** The text that the newest query is about: an answer to an older one comes too late. */
  private asked = '';

  constructor(
    private readonly address: Pick<Address, 'place' | 'go'>,
    private readonly post: Post,
  ) {
    byId('search').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.enter();
    });
    this.input.addEventListener('input', () => this.type());
    this.input.addEventListener('focus', () => this.type());
    this.input.addEventListener('blur', () => this.show([]));
    this.input.addEventListener('keydown', (event) => this.key(event));
    // A press on a line must not take the focus, whose loss closes the list.
    this.list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.list.addEventListener('click', (event) => {
      const line = event.target instanceof Element ? event.target.closest('li') : null;
      const found = line === null ? undefined : this.lines[[...this.list.children].indexOf(line)];
      if (found !== undefined) this.take(found);
    });
  }

  focus(): void {
    this.input.focus();
  }

  private type(): void {
    this.hint('');
    if (this.timer !== null) clearTimeout(this.timer);
    const text = this.input.value;
    this.asked = text;
    this.show(linesFor(text, []));
    if (text.trim() === '') return;
    this.timer = setTimeout(() => void this.look(text), REST_MS);
  }

  /** Returns what was found; null where another text was typed meanwhile, or the server did not answer. */
  private async look(text: string): Promise<readonly Found[] | null> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.asked = text;
    try {
      const found = await find(text, this.address.place.turn, this.post);
      if (this.asked !== text) return null;
      if (document.activeElement === this.input) this.show(linesFor(text, found));
      return found;
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      if (this.asked === text) this.hint(`The search was not answered: ${error.message}.`);
      return null;
    }
  }

  private async enter(): Promise<void> {
    const chosen = this.lines[this.chosen];
    if (chosen !== undefined) return this.take(chosen);
    const text = this.input.value;
    if (text.trim() === '') return this.hint(emptyWords(text));
    const found = await this.look(text);
    if (found === null) return;
    const first = found[0];
    if (first !== undefined) return this.take(first);
    const [wish] = wishesFor(text);
    if (wish === undefined) this.hint(emptyWords(text));
    else this.take({ kind: 'wish', wish });
  }

  private take(line: Line): void {
    if (line.kind === 'wish') {
      this.input.value = line.wish;
      this.input.focus();
      void this.look(line.wish);
      return;
    }
    this.asked = '';
    this.input.value = '';
    this.input.blur();
    this.address.go(stepTo(line));
  }

  private key(event: KeyboardEvent): void {
    const { length } = this.lines;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && length > 0) {
      event.preventDefault();
      // One step before the first and after the last is the text itself.
      this.choose(((this.chosen + 1 + step + length + 1) % (length + 1)) - 1);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      if (length > 0) this.show([]);
      else this.input.blur();
      this.hint('');
    }
  }

  private show(lines: readonly Line[]): void {
    this.lines = lines;
    this.list.replaceChildren(
      ...lines.map((line, place) =>
        element(
          'li',
          { role: 'option', id: `search-line-${place}`, 'aria-selected': 'false' },
          ...partsOf(line),
        ),
      ),
    );
    this.list.hidden = lines.length === 0;
    this.input.setAttribute('aria-expanded', String(lines.length > 0));
    this.choose(-1);
  }

  private choose(place: number): void {
    this.chosen = place;
    for (const [i, line] of [...this.list.children].entries())
      line.setAttribute('aria-selected', String(i === place));
    if (place < 0) this.input.removeAttribute('aria-activedescendant');
    else this.input.setAttribute('aria-activedescendant', `search-line-${place}`);
    this.list.children[place]?.scrollIntoView({ block: 'nearest' });
  }

  private hint(words: string): void {
    const hint = byId('search-hint');
    write(hint, words);
    hint.hidden = words === '';
    this.input.setAttribute('aria-invalid', String(words !== ''));
  }
}

/** What is found for a text, at the turn that the page shows. Rejects with a `SourceFailure`. */
export async function find(text: string, turn: number | null, post: Post): Promise<Found[]> {
  return readFound(await post(searchQuery(text, turn, Math.floor(Math.random() * 2 ** 31))));
}

/** The way to what was found. */
export function stepTo(found: Found): Step {
  if (found.kind === 'strategy') return { ...TO_MAP, sheet: null, isolate: found.strategy };
  if (found.kind === 'system') return intoSystem(found.sid);
  const step = { ...intoSystem(found.sid), eid: found.eid };
  if (found.kind === 'ship' || found.diedTid === null) return step;
  // Its fall is shown as long as it can be; its obituary stays in the hall of fame.
  return found.isFallKept ? { ...step, turn: found.diedTid, play: null } : { ...step, sheet: 'fame' };
}

/** What was found, and before it the wishes that what was typed may become. */
export function linesFor(text: string, found: readonly Found[]): Line[] {
  const said = text.trim().toLowerCase();
  const wishes = wishesFor(text).filter((wish) => wish !== said);
  return [...wishes.map((wish) => ({ kind: 'wish' as const, wish })), ...found];
}

export function wordsOf(line: Line): readonly [name: string, detail: string] {
  switch (line.kind) {
    case 'wish':
      return [line.wish, WISHES[line.wish]?.says ?? ''];
    case 'strategy':
      return [line.strategy, `strategy, ${line.status}: see its territory`];
    case 'hero': {
      const who = `${line.rank} of ${line.strategy}`;
      if (line.diedTid === null) return [line.name, `${who} · system ${line.sid}`];
      const where = line.isFallKept ? 'see where' : 'see the hall of fame';
      return [line.name, `${who}, fell in turn ${count(line.diedTid)}: ${where}`];
    }
    case 'system':
      return [
        `System ${line.sid}`,
        line.battles === null ? 'solar system' : `${count(line.battles)} hits dealt`,
      ];
    case 'ship':
      return [
        `Ship ${line.eid}`,
        `${line.strategy ?? 'no strategy'} · ${count(line.energy)} energy, ${count(line.blasters)} blasters · system ${line.sid}`,
      ];
  }
}

function partsOf(line: Line): (Node | string)[] {
  const [name, detail] = wordsOf(line);
  const strategy = line.kind === 'system' || line.kind === 'wish' ? null : line.strategy;
  const words = element('span', {}, element('b', {}, name), ' ', element('span', { class: 'muted' }, detail));
  return strategy === null ? [words] : [emblem(strategy), words];
}

export function emptyWords(text: string): string {
  const said = text.trim().slice(0, 40);
  const help = `Type the number of a system or a ship, a part of a strategy’s or a hero’s name, or ${Object.keys(WISHES).join(', ')}.`;
  return said === '' ? help : `Nothing is called “${said}”. ${help}`;
}
