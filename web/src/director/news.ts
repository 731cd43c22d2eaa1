import '../style/news.css';
import type { Feed } from '../feed/feed';
import type { After } from '../feed/supply';
import { button, byId, element, write } from '../panel/element';
import { count } from '../panel/format';
import type { Address } from '../place/address';
import { NEWS_FILTERS, type NewsFilter, type Place, writePlace } from '../place/place';
import { periodOf } from '../sql/period';
import { at } from '../sql/question';
import { HOUR, STORIES, type Story } from '../sql/story';
import { TURNS, type TurnRecord } from '../sql/turns';
import { identityOf } from './choose';
import { agoWords, HEADLINE_WORTH, nextHeadline, OPENING_WORTH, placeOf, shownOf } from './headlines';
import { wordsOf } from './words';

const LINES = 3;
/** One line is read before the next one comes. */
const APART_MS = 5000;
/** What was told is remembered for longer than its story is in the answers. */
const TOLD_MAX = 400;

const FILTER_NAMES: Readonly<Record<NewsFilter, string>> = {
  all: 'All',
  falls: 'Falls',
  kills: 'Kills',
  systems: 'Systems',
  strategies: 'Strategies',
  records: 'Records',
};

/** Three lines of news at the lower left, and the list of the last hour that they unfold into. */
export class News {
  private readonly lines = byId('news-lines');
  private readonly opener = byId('news-all');
  private readonly list = element('ol', { class: 'news-list', 'aria-label': 'News of the last hour' });
  private readonly none = element('p', { class: 'muted small' });
  private readonly filters = new Map<NewsFilter, HTMLButtonElement>();
  private readonly hour: HTMLElement;
  /** The lines of the list, by what they tell. */
  private readonly rows = new Map<string, HTMLElement>();
  private stories: readonly Story[] = [];
  private past: readonly Story[] | null = null;
  private turns: readonly TurnRecord[] = [];
  private headlines: Story[] = [];
  private told = new Set<string>();
  private cancel: (() => void) | null = null;

  constructor(
    private readonly address: Pick<Address, 'place' | 'listen' | 'go' | 'replace'>,
    feed: Pick<Feed, 'follow'>,
    private readonly after: After,
  ) {
    const choices = NEWS_FILTERS.map((filter) => {
      const choice = button(FILTER_NAMES[filter], { class: 'quiet', 'aria-pressed': 'false' }, () =>
        address.replace({ news: filter }),
      );
      this.filters.set(filter, choice);
      return choice;
    });
    this.hour = element(
      'div',
      { class: 'news-hour', id: 'news-hour' },
      element('div', { class: 'news-filters', role: 'group', 'aria-label': 'Show' }, ...choices),
      this.none,
      this.list,
    );
    byId('news').prepend(this.hour);
    this.opener.addEventListener('click', () =>
      address.replace({ news: address.place.news === null ? 'all' : null }),
    );
    address.listen((place, from) => this.attend(place, from));
    feed.follow(
      ({ turn }) => at(TURNS, turn),
      (turns) => {
        this.turns = turns ?? [];
        this.tellAges();
      },
    );
    feed.follow(
      ({ turn }) => at(STORIES, turn),
      (stories) => this.hear(stories ?? []),
    );
    feed.follow(
      ({ turn, news }) => (news === null ? null : at(HOUR, turn)),
      (stories) => {
        this.past = stories;
        this.showHour();
      },
    );
  }

  private get tid(): number {
    return this.turns[0]?.tid ?? this.address.place.turn ?? this.stories[0]?.tid ?? 0;
  }

  private attend(place: Place, from: Place | null): void {
    this.hour.hidden = place.news === null;
    this.lines.hidden = place.news !== null;
    this.opener.setAttribute('aria-expanded', String(place.news !== null));
    write(this.opener, place.news === null ? 'All news' : 'Fewer news');
    for (const [filter, choice] of this.filters)
      choice.setAttribute('aria-pressed', String(filter === place.news));
    if (place.turn !== from?.turn) this.forget();
    else if (place.news !== from.news) this.showHour();
  }

  /** Of another turn other things are news. */
  private forget(): void {
    this.cancel?.();
    this.cancel = null;
    this.headlines = [];
    this.told = new Set();
    this.lines.replaceChildren();
  }

  private hear(stories: readonly Story[]): void {
    this.stories = stories;
    if (this.cancel !== null || stories.length === 0) return;
    // What there is already when the page opens is told at once.
    if (this.headlines.length > 0) this.tell(HEADLINE_WORTH);
    else for (let i = 0; i < LINES; i += 1) this.tell(OPENING_WORTH);
  }

  private tell(least: number): void {
    const story = nextHeadline(this.stories, this.told, this.tid, least);
    if (story === null) return;
    this.told = new Set([...this.told, identityOf(story)].slice(-TOLD_MAX));
    // The newest is at the top, also when something better, but older, was told before.
    const later = this.headlines.filter((each) => each.tid > story.tid);
    const place = later.length;
    this.headlines = [...later, story, ...this.headlines.slice(place)].slice(0, LINES);
    this.lines.insertBefore(this.line(story), this.lines.children[place] ?? null);
    while (this.lines.childElementCount > LINES) this.lines.lastElementChild?.remove();
    this.cancel?.();
    this.cancel = this.after(APART_MS, () => {
      this.cancel = null;
      this.hear(this.stories);
    });
  }

  private line(story: Story): HTMLElement {
    const { place } = this.address;
    const names = [story.strategy, story.byStrategy].filter((name) => name !== null);
    const when = element('span', { class: 'news-when' });
    when.dataset.tid = String(story.tid);
    write(when, this.ago(story));
    return element(
      'li',
      {},
      element(
        'a',
        { href: writePlace(placeOf(story, place)), title: `Turn ${count(story.tid)}: see it` },
        element('span', { class: 'news-text' }, ...wordsOf(story.text, names, false)),
        when,
      ),
    );
  }

  private ago(story: Pick<Story, 'tid'>): string {
    return agoWords(story, this.tid, periodOf(this.turns));
  }

  private tellAges(): void {
    for (const when of byId('news').querySelectorAll<HTMLElement>('.news-when'))
      write(when, this.ago({ tid: Number(when.dataset.tid) }));
  }

  private showHour(): void {
    const { news } = this.address.place;
    if (news === null) return;
    const shown = shownOf(this.past ?? [], news);
    // Lines that stay are left alone: who reads one, or has the focus on it, keeps it.
    const names = shown.map(identityOf);
    for (const [name, row] of this.rows)
      if (!names.includes(name)) {
        row.remove();
        this.rows.delete(name);
      }
    let next: HTMLElement | null = null;
    for (const [i, name] of [...names.entries()].reverse()) {
      const story = shown[i];
      const row: HTMLElement | undefined = this.rows.get(name) ?? (story && this.line(story));
      if (row === undefined) continue;
      if (!this.rows.has(name)) this.list.insertBefore(row, next);
      this.rows.set(name, row);
      next = row;
    }
    write(
      this.none,
      shown.length > 0 ? '' : this.past === null ? 'Asking …' : 'Nothing of it in the last hour.',
    );
    this.none.hidden = shown.length > 0;
  }
}
