import { Refused, SourceFailure } from '../source/failure';
import type { Post } from '../source/request';
import { KEPT, readKept } from '../sql/kept';
import { momentQuery, readMoment, type ShipMoment, type ShipPart } from '../sql/ship';
import { HOUR_TURNS } from '../sql/story';
import { element, write } from './element';
import { count } from './format';
import { Sparkrow } from './sparkrow';

/** So many turns are looked at, at most: each may have to be played again. With the turns that are kept it is one question more. */
export const SAMPLES_MAX = 11;

const ROWS: readonly (readonly [of: ShipPart, label: string])[] = [
  ['energy', 'Energy'],
  ['blasters', 'Blasters'],
  ['thrusters', 'Thrusters'],
  ['harvesters', 'Harvesters'],
];

/**
 * The turns to look at, the newest first: from `newest` back to `oldest`, each step longer than the one before, so that
 * a ship that was born a minute ago has some too.
 */
export function samplesOf(oldest: number, newest: number): number[] {
  const reach = Math.min(HOUR_TURNS, newest - oldest);
  const turns = new Set<number>();
  for (let i = 0; i < SAMPLES_MAX; i += 1)
    turns.add(newest - Math.round(reach * (i / (SAMPLES_MAX - 1)) ** 2));
  return [...turns];
}

type Step =
  | { readonly asks: number; readonly number: number; readonly of: number }
  | { readonly moment: ShipMoment };

/**
 * How a ship was, from `turn` (null: the newest) back, one question after the other: who stops listening stops the asking. It ends
 * before the ship's birth; a turn that was forgotten meanwhile is left out. Throws a `SourceFailure`.
 */
export async function* lookBack(
  post: Post,
  sid: number,
  eid: number,
  turn: number | null,
): AsyncGenerator<Step, void> {
  const kept = readKept(await post(KEPT));
  const turns = samplesOf(kept.oldest, turn ?? kept.newest);
  for (const [i, tid] of turns.entries()) {
    yield { asks: tid, number: i + 1, of: turns.length };
    try {
      const moment = readMoment(await post(momentQuery(sid, eid, tid)), tid);
      if (moment === null) return;
      yield { moment };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
}

/** A ship over the last hour, as far as turns are kept: its energy and its parts. It asks when it is opened, one turn after another. */
export class ShipHour {
  readonly element: HTMLElement;
  private readonly rows = ROWS.map(([of, label]) => [of, new Sparkrow(label, `entity-hour-${of}`)] as const);
  private readonly words = element('p', { class: 'muted small', id: 'entity-hour-words', role: 'status' });
  private moments: readonly ShipMoment[] = [];
  /** The newest call to `open`: answers to an earlier one come too late. */
  private call = 0;

  constructor(private readonly post: Post) {
    this.element = element(
      'div',
      { class: 'hour', id: 'entity-hour' },
      element('div', { class: 'courses' }, ...this.rows.map(([, row]) => row.element)),
      this.words,
    );
  }

  /** Asks how a ship was, up to `turn`; null for the newest. */
  async open(sid: number, eid: number, turn: number | null): Promise<void> {
    this.call += 1;
    const { call } = this;
    this.moments = [];
    this.draw('Asking which turns are kept …');
    try {
      for await (const step of lookBack(this.post, sid, eid, turn)) {
        if (call !== this.call) return;
        if ('moment' in step) this.moments = [step.moment, ...this.moments];
        else this.draw(`Asking for turn ${count(step.asks)}, ${step.number} of ${step.of} …`);
      }
      this.draw(null);
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      if (call === this.call) this.draw(`It was not answered: ${error.message}.`);
    }
  }

  /** What has not been asked yet is not asked any more. */
  close(): void {
    this.call += 1;
    this.moments = [];
  }

  /** `asking`: what is under way, or went wrong; null at the end. */
  private draw(asking: string | null): void {
    for (const [of, row] of this.rows)
      row.show(
        this.moments.map((moment) => ({ tid: moment.tid, value: moment[of] })),
        null,
      );
    const [first, last] = [this.moments[0], this.moments.at(-1)];
    const end =
      first === undefined || last === undefined || first === last
        ? 'No earlier turn has it.'
        : `Turns ${count(first.tid)} to ${count(last.tid)}, ${this.moments.length} of them.`;
    write(this.words, asking ?? end);
  }
}
