import '../style/duel.css';
import { Arena } from '../arena/duel-arena';
import { DuelForm } from '../arena/duel-form';
import { duelTable } from '../arena/duel-table';
import { TurnBand } from '../arena/duel-time';
import { type DuelOrder, onDuel, SIZES } from '../duel/desk';
import { type DuelSizes, type TurnRecord, totals } from '../duel/game';
import { rulesModule } from '../duel/modules';
import { DuelRun } from '../duel/run';
import { stateOf } from '../duel/states';
import { button, element, write } from '../panel/element';
import type { FillSheet } from '../panel/fill-sheet';
import { count } from '../panel/format';
import { lendLooks } from '../view/look';

export const fillDuel: FillSheet = (host) => {
  const sheet = new DuelSheet(host);
  onDuel((order) => void sheet.play(order));
};

/** Strategies against each other in the page itself: no universe, and no server once the modules are here. */
class DuelSheet {
  private readonly form = new DuelForm((order) => void this.play(order));
  private readonly verdict = element('p', { class: 'verdict', role: 'status' });
  private readonly arenaHost = element('div', { class: 'duel-arena', role: 'img', 'aria-label': 'The duel' });
  private readonly system = element('output', { class: 'mono' });
  private readonly band = new TurnBand((at, periodMs, isNext) => this.show(at, periodMs, isNext));
  private readonly result = element('div', {
    class: 'result',
    tabindex: '0',
    role: 'region',
    'aria-label': 'Outcome',
  });
  private readonly picture: HTMLElement;
  private readonly account: HTMLElement;
  private arena: Promise<Arena> | null = null;
  private run: DuelRun | null = null;
  private names: readonly string[] = [];
  private turns: TurnRecord[] = [];
  private faults = new Map<string, string>();
  private sizes: DuelSizes = SIZES;
  private sid = 1;
  private at = 0;

  constructor(host: HTMLElement) {
    const step = (by: number): HTMLButtonElement =>
      button(
        by < 0 ? '‹' : '›',
        { class: 'quiet', 'aria-label': by < 0 ? 'System before' : 'Next system' },
        () => this.look(by),
      );
    this.picture = element(
      'div',
      { class: 'duel-picture', hidden: '' },
      this.arenaHost,
      element('div', { class: 'row duel-system' }, step(-1), this.system, step(1)),
    );
    this.account = element('div', { hidden: '' }, this.band.host, this.result);
    host.append(
      element(
        'div',
        { class: 'duel-body' },
        this.picture,
        element('div', { class: 'duel-account' }, this.form.host, this.verdict, this.account),
      ),
    );
  }

  async play(order: DuelOrder): Promise<void> {
    this.run?.stop();
    this.sizes = { ...SIZES, ...withoutGaps(order) };
    this.form.take(order);
    this.say('', 'Loading the rules …');
    let rules: ArrayBuffer;
    try {
      rules = await rulesModule();
      this.picture.hidden = this.account.hidden = false;
      this.arena ??= Arena.open(this.arenaHost);
      await this.arena;
    } catch (error) {
      this.say('refused', `The duel cannot begin: ${(error as Error).message}.`);
      return;
    }
    this.turns = [];
    this.faults = new Map();
    this.sid = 1;
    this.run = new DuelRun(rules, order.modules, this.sizes, {
      onNames: (names) => {
        this.names = names;
        lendLooks(names);
      },
      onTurn: (turn) => this.take(turn),
      onEnd: (stateHash) => this.end(stateHash, order.stateHash),
      onRefused: (words) => this.say('refused', words),
    });
  }

  private take(turn: TurnRecord): void {
    this.turns.push(turn);
    turn.faults.forEach((reason, slot) => {
      const name = this.names[slot];
      if (reason !== null && name !== undefined) this.faults.set(name, `turn ${turn.tid}: ${reason}`);
    });
    if (turn.tid === 0) this.band.begin(this.names, this.turns, this.sizes.turns);
    else this.band.grow();
    if (turn.tid < this.sizes.turns) this.say('', this.told());
  }

  private end(stateHash: string, recorded: string | undefined): void {
    const ends = `${this.told()} It ends in the state ${stateHash.slice(0, 12)}`;
    if (recorded === undefined) this.say('', `${ends}, as wasmverse duel does.`);
    else if (recorded === stateHash) this.say('', `${ends}, as it was recorded.`);
    else
      this.say(
        'refused',
        `${ends}, and was recorded with ${recorded.slice(0, 12)}: no fuel is metered here, or the rules are of another version. Run wasmverse replay to see which.`,
      );
  }

  private told(): string {
    const { systems, seed } = this.sizes;
    const played = count(this.turns.at(-1)?.tid ?? 0);
    return `${played} turns of ${systems} ${systems === 1 ? 'system' : 'systems'} played in this page, seed ${seed}.`;
  }

  private show(at: number, periodMs: number, isNext: boolean): void {
    this.at = at;
    const turn = this.turns[at];
    if (turn === undefined) return;
    const state = stateOf(turn, this.sid, this.names);
    void this.arena?.then((arena) => arena.show(state, periodMs, isNext));
    write(this.system, `system ${this.sid} / ${this.sizes.systems}`);
    this.result.replaceChildren(
      duelTable(this.names, totals(this.turns.slice(0, at + 1)), turn, this.faults),
    );
  }

  private look(by: number): void {
    this.sid = 1 + ((this.sid - 1 + by + this.sizes.systems) % this.sizes.systems);
    this.show(this.at, 1, false);
  }

  private say(kind: '' | 'refused', words: string): void {
    this.verdict.className = `verdict ${kind}`;
    write(this.verdict, words);
  }
}

/** What is not said is not there, so that it does not stand for the usual sizes. */
function withoutGaps(order: DuelOrder): Partial<DuelSizes> {
  return Object.fromEntries(
    Object.entries(order).filter(([name, value]) => name in SIZES && value !== undefined),
  ) as Partial<DuelSizes>;
}
