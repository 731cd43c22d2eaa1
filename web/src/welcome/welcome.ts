import type { Feed } from '../feed/feed';
import { button, element, write } from '../panel/element';
import { legend } from '../panel/legend';
import { find, stepTo } from '../panel/search';
import type { Address } from '../place/address';
import { SourceFailure } from '../source/failure';
import type { Post } from '../source/request';
import { NEWS, SUMMARIES, type SystemNews, type SystemSummary } from '../sql/systems';
import type { Point } from '../view/camera';
import './welcome.css';

/** Keys that are for the buttons; any other closes. */
const OF_BUTTONS = new Set(['Tab', 'Shift', 'Enter', ' ']);
/** A pointed-out star is found again so often: the view may move. */
const POINT_MS = 120;

/** The wishes in order: where the first finds nothing, the next is tried. */
const WAYS: readonly (readonly [label: string, wishes: readonly string[]])[] = [
  ['Biggest battle', ['biggest battle', 'strongest']],
  ['Strongest ship', ['strongest']],
  ['Surprise me', ['random']],
];

/** What the welcome needs of the sky: where a star is in the window. */
export interface Stars {
  pixelOf(sid: number): Point | null;
}

/** One sentence, a legend on the sky itself, and three ways in. */
export class Welcome {
  private readonly box: HTMLElement;
  private readonly trouble = element('p', { class: 'warning', role: 'alert' });
  private readonly pointers = new Map<string, HTMLElement>();
  private readonly timer: ReturnType<typeof setInterval>;
  private brightest: number | null = null;
  private fight: number | null = null;

  constructor(
    private readonly address: Address,
    feed: Feed,
    private readonly post: Post,
    private readonly stars: Stars,
    private readonly onClose: () => void,
  ) {
    const ways = WAYS.map(([label, wishes], place) =>
      button(label, place === 0 ? { class: 'primary' } : {}, () => void this.go(wishes)),
    );
    this.box = element(
      'section',
      { class: 'welcome', role: 'dialog', 'aria-labelledby': 'welcome-title' },
      button('×', { class: 'quiet close', 'aria-label': 'Close the welcome' }, () => this.close()),
      element(
        'h2',
        { id: 'welcome-title' },
        'Every ship here is flown by a program that somebody uploaded, and every second all of them move, in one transaction of a database.',
      ),
      legend(),
      element(
        'div',
        { class: 'ways' },
        ...ways,
        button('Write a ship', {}, () => {
          this.close();
          address.go({ sheet: 'write' });
        }),
        button('How it works', { class: 'quiet' }, () => {
          this.close();
          address.go({ sheet: 'help' });
        }),
      ),
      this.trouble,
    );
    document.body.append(this.box);
    document.body.dataset.welcome = '';
    for (const [name, words] of [
      ['star', 'a solar system'],
      ['ring', 'a battle'],
    ] as const) {
      const pointer = element(
        'div',
        { class: `pointed ${name}`, 'aria-hidden': 'true' },
        element('span', {}, words),
      );
      pointer.hidden = true;
      this.pointers.set(name, pointer);
      document.body.append(pointer);
    }
    document.addEventListener('keydown', this.onKey, true);
    document.addEventListener('pointerdown', this.onPress, true);
    // The map is left: by a link, or by Back.
    address.listen((place, from) => {
      if (from !== null && this.box.isConnected && (place.sid !== null || place.sheet !== null)) this.close();
    });
    feed.follow(
      ({ sid, turn }) => (this.box.isConnected && sid === null && turn === null ? SUMMARIES : null),
      (summaries) => {
        this.brightest = brightestOf(summaries ?? []);
      },
    );
    feed.follow(
      ({ sid, turn }) => (this.box.isConnected && sid === null && turn === null ? NEWS : null),
      (news) => {
        this.fight = fightOf(news ?? [], this.brightest);
      },
    );
    this.timer = setInterval(() => this.point(), POINT_MS);
    ways[0]?.focus({ preventScroll: true });
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (OF_BUTTONS.has(event.key)) return;
    // Escape has done its work; any other key may mean something beside.
    if (event.key === 'Escape') event.stopPropagation();
    this.close();
  };

  private readonly onPress = (event: PointerEvent): void => {
    if (event.target instanceof Node && !this.box.contains(event.target)) this.close();
  };

  private close(): void {
    clearInterval(this.timer);
    document.removeEventListener('keydown', this.onKey, true);
    document.removeEventListener('pointerdown', this.onPress, true);
    this.box.remove();
    for (const pointer of this.pointers.values()) pointer.remove();
    delete document.body.dataset.welcome;
    this.onClose();
  }

  private async go(wishes: readonly string[]): Promise<void> {
    try {
      for (const wish of wishes) {
        const [found] = await find(wish, null, this.post);
        if (found === undefined) continue;
        this.close();
        this.address.go({ ...stepTo(found), isFollowing: found.kind === 'ship' });
        return;
      }
      write(this.trouble, 'There is nobody yet: the universe has just begun.');
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      write(this.trouble, `The server did not answer: ${error.message}.`);
    }
  }

  private point(): void {
    for (const [name, pointer] of this.pointers) {
      const sid = name === 'star' ? this.brightest : this.fight;
      const pixel = sid === null ? null : this.stars.pixelOf(sid);
      const top = this.box.getBoundingClientRect().top;
      pointer.hidden =
        pixel === null || pixel.y > top - 30 || pixel.y < 90 || pixel.x > window.innerWidth - 130;
      if (pixel !== null) pointer.style.transform = `translate(${pixel.x}px, ${pixel.y}px)`;
    }
  }
}

/** The star that shines most; null where there is none. */
export function brightestOf(summaries: readonly SystemSummary[]): number | null {
  let best: SystemSummary | null = null;
  for (const each of summaries) if (best === null || each.energy > best.energy) best = each;
  return best?.sid ?? null;
}

/** Where most are hit; not the star that is pointed out already. */
export function fightOf(news: readonly SystemNews[], but: number | null): number | null {
  const [most] = news.filter(({ sid }) => sid !== but).sort((a, b) => b.battles - a.battles);
  return most?.sid ?? null;
}
