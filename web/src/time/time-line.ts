import type { Feed, Means } from '../feed/feed';
import { button, byId, element, write } from '../panel/element';
import { count } from '../panel/format';
import type { Address } from '../place/address';
import { SPEED_MAX } from '../place/place';
import { SourceFailure } from '../source/failure';
import { KEPT, type Kept, readKept, toldSince } from '../sql/kept';
import { PERIOD_GUESS_MS, periodOf } from '../sql/period';
import { at } from '../sql/question';
import { readStories, type Story } from '../sql/story';
import { TURNS } from '../sql/turns';
import { marksOf, placeOf, type Span, turnAt } from './marks';
import { Playback } from './playback';

const HOUR_MS = 3_600_000;
const LOOK_MS = 5000;
/** The server is asked once in so many looks; in between the line grows by the clock. */
const ASK_LOOKS = 3;
const MARK_PIXELS = 9;
const SCRUB_MS = 120;

/** The line at the bottom: which turn is shown, of which there are, what happened when, and how time passes. */
export class TimeLine {
  private readonly root = byId('time');
  private readonly play = button('', { class: 'time-play' }, () => this.playback.toggle());
  private readonly speed = button(
    '1×',
    { class: 'time-speed', title: 'Speed: faster (>) or slower (<)' },
    () => this.playback.faster(this.playback.shownSpeed >= SPEED_MAX ? -1 : 1),
  );
  private readonly live = button('Live', { class: 'time-live', title: 'Back to the newest turn (l)' }, () =>
    this.playback.toLive(),
  );
  private readonly memory = element('div', { class: 'time-memory' });
  private readonly played = element('div', { class: 'time-played' });
  private readonly head = element('div', { class: 'time-head' });
  private readonly marks = element('div', { class: 'time-marks' });
  private readonly bubble = element('output', { class: 'time-bubble' });
  private readonly track = element(
    'div',
    {
      class: 'time-track',
      role: 'slider',
      tabindex: '0',
      'aria-label': 'Turn that is shown',
      'aria-valuenow': '0',
      'aria-valuetext': 'not known yet',
    },
    element('div', { class: 'time-rail' }, this.memory, this.played),
    this.head,
    this.bubble,
  );
  /** The marks are pressed by themselves: a slider must not hold buttons. */
  private readonly strip = element('div', { class: 'time-strip' }, this.track, this.marks);
  private readonly ago = element('output', { class: 'time-ago' });
  readonly playback: Playback;
  private kept: Kept | null = null;
  private told: readonly Story[] = [];
  private looks = 0;
  private periodMs = PERIOD_GUESS_MS;
  private liveTurn: number | null = null;
  private scrubbedMs = 0;

  constructor(
    private readonly address: Address,
    feed: Feed,
    private readonly means: Pick<Means, 'post' | 'after'>,
  ) {
    this.playback = new Playback(address, feed, means.after, () => performance.now());
    const step = (turns: number, label: string, title: string): HTMLButtonElement =>
      button(label, { class: 'time-step', 'aria-label': title.split(' (')[0] ?? title, title }, () =>
        this.playback.step(turns),
      );
    this.root.append(
      step(-1, '‹', 'A turn back (,)'),
      this.play,
      step(1, '›', 'A turn on (.)'),
      this.speed,
      this.strip,
      this.ago,
      this.live,
    );
    this.root.hidden = false;
    this.listen();
    feed.follow(
      ({ turn }) => at(TURNS, turn),
      (turns) => {
        this.periodMs = periodOf(turns ?? []) ?? this.periodMs;
        this.playback.setPeriod(this.periodMs);
        if (address.place.turn !== null) return;
        this.liveTurn = turns?.[0]?.tid ?? null;
        if (this.kept !== null && this.liveTurn !== null && this.liveTurn > this.kept.newest)
          this.take({ ...this.kept, newest: this.liveTurn });
        this.draw();
      },
    );
    address.listen(() => this.draw());
    new ResizeObserver(() => this.drawMarks()).observe(this.track);
    this.poll();
  }

  private get span(): Span | null {
    if (this.kept === null) return null;
    const last = Math.max(this.playback.newest ?? 0, this.kept.newest);
    return { first: Math.max(this.kept.oldest, Math.round(last - HOUR_MS / this.periodMs)), last };
  }

  private take(kept: Kept): void {
    this.kept = kept;
    this.playback.know(kept);
  }

  private poll(): void {
    const { turn, play } = this.address.place;
    // Who looks at one past turn asks nothing more.
    const isStanding = this.kept !== null && turn !== null && play === null;
    if (!document.hidden && !isStanding && this.looks % ASK_LOOKS === 0) void this.ask();
    if (!isStanding) this.looks += 1;
    this.draw();
    this.means.after(LOOK_MS, () => this.poll());
  }

  private listen(): void {
    const { track } = this;
    const turnUnder = (event: PointerEvent): number | null => {
      const box = track.getBoundingClientRect();
      return this.span === null ? null : turnAt((event.clientX - box.left) / box.width, this.span);
    };
    track.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || (event.target instanceof Element && event.target.closest('.time-mark')))
        return;
      track.setPointerCapture(event.pointerId);
      track.dataset.held = '';
      const turn = turnUnder(event);
      if (turn !== null) this.playback.scrub(turn);
    });
    track.addEventListener('pointermove', (event) => {
      const turn = turnUnder(event);
      if (turn === null) return;
      this.say(turn);
      if (track.dataset.held === undefined || event.timeStamp - this.scrubbedMs < SCRUB_MS) return;
      this.scrubbedMs = event.timeStamp;
      this.playback.scrub(turn);
    });
    const leave = (event: PointerEvent): void => {
      if (track.dataset.held === undefined) return;
      delete track.dataset.held;
      this.playback.seek(turnUnder(event));
    };
    track.addEventListener('pointerup', leave);
    track.addEventListener('pointercancel', leave);
    track.addEventListener('keydown', (event) => {
      const turns: Readonly<Record<string, number>> = {
        ArrowLeft: -1,
        ArrowDown: -1,
        ArrowRight: 1,
        ArrowUp: 1,
        PageDown: -60,
        PageUp: 60,
      };
      const step = turns[event.key];
      if (step !== undefined) this.playback.step(event.shiftKey ? 10 * step : step);
      else if (event.key === 'Home') this.playback.seek(this.span?.first ?? null);
      else if (event.key === 'End') this.playback.toLive();
      else if (event.key === ' ') this.playback.toggle();
      else return;
      event.preventDefault();
    });
  }

  private async ask(): Promise<void> {
    try {
      const kept = readKept(await this.means.post(KEPT));
      this.take(kept);
      const { span } = this;
      if (span !== null && kept.tells) this.told = readStories(await this.means.post(toldSince(span.first)));
      this.drawMarks();
    } catch (error) {
      // The page's connection says what is wrong with the server; the line stays as it is.
      if (!(error instanceof SourceFailure)) throw error;
    }
    this.draw();
  }

  private draw(): void {
    const { turn, play } = this.address.place;
    const isLive = turn === null;
    const { root, span, track } = this;
    root.classList.toggle('is-past', !isLive);
    const action = isLive ? 'Pause' : play === null ? 'Play' : 'Pause';
    this.play.setAttribute('aria-label', action);
    this.play.title = `${action} (space)`;
    this.play.dataset.shows = action === 'Pause' ? 'pause' : 'play';
    write(this.speed, `${this.playback.shownSpeed}×`);
    this.live.setAttribute('aria-pressed', String(isLive));
    if (span === null || this.kept === null) return;
    const shown = turn ?? span.last;
    const place = placeOf(shown, span);
    this.head.style.left = `${100 * place}%`;
    this.played.style.width = `${100 * place}%`;
    this.memory.style.left = `${100 * placeOf(this.kept.memory, span)}%`;
    const ago = isLive ? 'now' : `−${clock((Math.max(0, span.last - shown) * this.periodMs) / 1000)}`;
    write(this.ago, ago);
    track.setAttribute('aria-valuemin', String(span.first));
    track.setAttribute('aria-valuemax', String(span.last));
    track.setAttribute('aria-valuenow', String(shown));
    track.setAttribute(
      'aria-valuetext',
      isLive ? `live, turn ${count(shown)}` : `turn ${count(shown)}, ${ago.slice(1)} ago`,
    );
    if (!track.matches(':hover')) this.say(shown);
  }

  private say(turn: number): void {
    if (this.span === null) return;
    write(this.bubble, `Turn ${count(turn)}`);
    this.bubble.style.left = `${100 * placeOf(turn, this.span)}%`;
  }

  private drawMarks(): void {
    const { span } = this;
    const width = this.track.clientWidth;
    if (span === null || width === 0) return;
    const made = marksOf(this.told, span, MARK_PIXELS / width).map(({ at: place, story, more }) => {
      const tip = more === 0 ? story.text : `${story.text} And ${count(more)} more.`;
      const mark = button(
        '',
        { class: 'time-mark', 'data-kind': story.kind, 'data-tip': tip, 'aria-label': tip, tabindex: '-1' },
        () => {
          const { sid, eid, tid } = story;
          this.address.go({
            turn: tid,
            play: null,
            ...(sid === null ? {} : { sid, eid, sight: null, isFollowing: false }),
          });
        },
      );
      mark.style.left = `${100 * place}%`;
      return mark;
    });
    this.marks.replaceChildren(...made);
  }
}

/** Seconds as minutes and seconds, with hours where there are any. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${hours > 0 ? two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
