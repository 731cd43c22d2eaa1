import '../style/editor.css';
import '../style/write.css';
import { openDuel } from '../duel/desk';
import { bundledModule } from '../duel/modules';
import { Editor } from '../editor/editor';
import type { Problem } from '../editor/problem';
import { LONG_TEXT, strategyLanguage } from '../editor/strategy-language';
import { button, element, write } from '../panel/element';
import { ASIDE_PIXELS_MIN, type FillSheet } from '../panel/fill-sheet';
import { bytes as bytesWords, count } from '../panel/format';
import type { Address } from '../place/address';
import { intoSystem } from '../place/step';
import { Refused, SourceFailure } from '../source/failure';
import { checkStrategy, NAME, type Tried, uploadStrategy } from '../source/upload';
import { type Fate, fateOf } from '../sql/fate';
import { Compiler } from '../write/compiler';
import { keepDraft, readDraft } from '../write/draft';
import { fateList } from '../write/fate-list';
import { FILES, libraryNames, STARTS } from '../write/sources';
import { type Declared, spotOfRefusal } from '../write/spots';

/** A source that has been compiled here. */
interface Built {
  readonly file: string;
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly declared: Declared;
}

export const fillWrite: FillSheet = (host, address, feed) => {
  const sheet = new WriteSheet(host, address);
  feed.follow(
    ({ sheet: open, turn }) => (open === 'write' && turn === null ? fateOf(sheet.flying) : null),
    (fate) => sheet.show(fate ?? null),
  );
};

/** The status of a module that breaks a rule; other refusals are of the name, or of who sends it. */
const UNPROCESSABLE = 422;

const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length;

function triedWords({ name, version, calls, plans, fuel, fuelMost }: Tried): string {
  const given = Object.entries(plans).filter(([, times]) => times > 0);
  const shown = given.map(([command, times]) => `${command.replace('_', ' ')} ${count(times)}`).join(', ');
  return `${name}, version ${version}: ${count(calls)} calls tried (${shown}), ${count(fuel)} fuel each, ${count(fuelMost)} at most.`;
}

/** A strategy from the first line to its first ship: written, compiled here, checked and flown by the server, and watched. */
class WriteSheet {
  private readonly compiler = new Compiler();
  private readonly editor = new Editor({
    label: 'Source',
    placeholder: 'export function decide(…): u64',
    language: strategyLanguage(libraryNames(FILES['lib/wasmverse.ts'] ?? '')),
    extras: LONG_TEXT,
    keys: [
      { key: 'Mod-s', run: () => this.begin(() => this.deploy()) },
      { key: 'Mod-Enter', run: () => this.begin(() => this.check()) },
    ],
    onLeave: () => this.send.focus(),
    onChange: () => this.keep(),
  });
  private readonly start = element('select', { id: 'write-start', 'aria-label': 'Begin from' });
  private readonly name = element('input', {
    id: 'write-name',
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: '63',
  });
  private readonly send = button(
    'Deploy',
    { class: 'primary', title: 'Compile, check, fly (Ctrl + S)' },
    () => this.begin(() => this.deploy()),
  );
  private readonly checked = button(
    'Check',
    { title: 'Compile, and ask the server whether it would take it; nothing is changed (Ctrl + Enter)' },
    () => this.begin(() => this.check()),
  );
  private readonly duel = button(
    'Duel against …',
    { title: 'Here in the page; costs the universe nothing' },
    () => this.begin(() => this.fight()),
  );
  private readonly rival = element('select', { 'aria-label': 'Whom to fly against' });
  private readonly verdict = element('p', { class: 'verdict', role: 'status', 'aria-live': 'polite' });
  private readonly fate = element('div', { class: 'fate' });
  private file = STARTS[0]?.file ?? '';
  private isAtWork = false;
  /** Whose first ship is waited for; null when nobody waits. */
  private awaited: string | null = null;
  /** The source of which warnings were shown: who deploys it once more wants it so. */
  private warned: string | null = null;
  /** The name whose fate is shown: what was deployed last, or stands in the field when the sheet is opened. */
  flying = '';

  constructor(
    host: HTMLElement,
    private readonly address: Address,
  ) {
    this.start.append(...STARTS.map(({ title, file }) => element('option', { value: file }, title)));
    this.rival.append(
      ...['strategy_default', 'strategy_flee', 'strategy_battle', 'strategy_blank'].map((name) =>
        element('option', { value: name }, name.replace('strategy_', '')),
      ),
    );
    const draft = readDraft(window.localStorage);
    this.name.value = draft?.name ?? 'my_strategy';
    this.flying = this.name.value;
    this.file = draft !== null && draft.file in FILES ? draft.file : this.file;
    this.start.value = this.file;
    this.editor.text = draft?.text ?? FILES[this.file] ?? '';
    this.start.addEventListener('change', () => this.startFrom(this.start.value));
    this.name.addEventListener('input', () => this.keep());
    host.append(
      element(
        'div',
        { class: 'write', role: 'group', 'aria-label': 'Write a strategy' },
        element(
          'div',
          { class: 'write-head' },
          element('label', { class: 'field' }, element('span', { class: 'label' }, 'Begin from'), this.start),
          element('label', { class: 'field' }, element('span', { class: 'label' }, 'It flies as'), this.name),
        ),
        this.editor.host,
        element('div', { class: 'write-tools' }, this.send, this.checked, this.duel, this.rival),
        this.verdict,
        this.fate,
      ),
    );
  }

  show(fate: Fate | null): void {
    this.fate.replaceChildren(...(fate === null ? [] : [fateList(this.flying, fate, () => this.fly(fate))]));
    if (fate === null || fate.birth === null || this.awaited !== this.flying) return;
    this.awaited = null;
    this.fly(fate);
  }

  private fly({ birth }: Fate): void {
    if (birth === null) return;
    const sheet = window.innerWidth < ASIDE_PIXELS_MIN ? null : ('write' as const);
    this.address.go({ ...intoSystem(birth.sid), eid: birth.eid, isFollowing: true, sheet });
  }

  /** What was written before is gone with this step, but Ctrl + Z brings it back. */
  private startFrom(file: string): void {
    this.file = file;
    this.editor.text = FILES[file] ?? '';
    this.editor.mark([]);
    this.keep();
  }

  private keep(): void {
    keepDraft(window.localStorage, { name: this.name.value, file: this.file, text: this.editor.text });
  }

  private begin(work: () => Promise<unknown>): boolean {
    if (!this.isAtWork) void this.workOn(work);
    return true;
  }

  private async workOn(work: () => Promise<unknown>): Promise<void> {
    this.isAtWork = true;
    this.editor.mark([]);
    for (const each of this.buttons) each.disabled = true;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      this.judge(
        'refused',
        error instanceof Refused ? error.message : `The server did not answer: ${error.message}`,
      );
    } finally {
      this.isAtWork = false;
      for (const each of this.buttons) each.disabled = false;
    }
  }

  private get buttons(): readonly HTMLButtonElement[] {
    return [this.send, this.checked, this.duel];
  }

  private async compile(): Promise<Built | null> {
    this.judge('', 'Compiling … (the first time the compiler is loaded, 2 MB)');
    const { file } = this;
    const { text } = this.editor;
    const compiled = await this.compiler.compile(file, text);
    if (compiled.kind === 'module') return { file, text, ...compiled };
    this.mark(text, compiled.problems);
    const { length } = compiled.problems;
    const first = compiled.problems[0];
    const line = first === undefined ? '' : `Line ${lineAt(text, first.from)}: `;
    this.judge('refused', `${line}${compiled.words}${length > 1 ? ` (and ${length - 1} more)` : ''}`);
    return null;
  }

  /** Compiles, and asks the server what it finds; null when one of them refuses it, which has been said then. */
  private async check(): Promise<{ built: Built; name: string; tried: Tried[] } | null> {
    const name = this.named();
    const built = name === null ? null : await this.compile();
    if (name === null || built === null) return null;
    this.judge('', `Compiled: ${bytesWords(built.bytes.length)}. The server checks it …`);
    const tried = await this.ask(built, () => checkStrategy(name, new Blob([built.bytes])));
    if (tried === null) return null;
    const warnings = tried.flatMap((each) => each.warnings);
    if (warnings.length > 0) this.judge('refused', `It would be taken, but: ${warnings.join('; ')}.`);
    else
      this.judge(
        'accepted',
        `The server would take it, ${bytesWords(built.bytes.length)}. ${tried.map(triedWords).join(' ')}`,
      );
    return { built, name, tried };
  }

  /** Asks the server something about a module; a refusal of the module is shown where its reason stands, and the answer is null. */
  private async ask<T>(built: Built, question: () => Promise<T>): Promise<T | null> {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== UNPROCESSABLE) throw error;
      const { place, message } = error;
      const spot =
        (place?.kind === 'function'
          ? await this.compiler.locate(built.file, built.text, place.index)
          : null) ?? spotOfRefusal(place, built.declared, built.text);
      this.mark(built.text, [{ ...spot, message }]);
      this.judge('refused', `Line ${lineAt(built.text, spot.from)}: ${message}`);
      return null;
    }
  }

  /** Marks what is wrong with a text, unless it has been changed since: places in it are no places any more. */
  private mark(text: string, problems: readonly Problem[]): void {
    if (this.editor.text === text) this.editor.mark(problems);
  }

  private named(): string | null {
    const name = this.name.value.trim();
    if (NAME.test(name)) return name;
    this.judge(
      'refused',
      `“${name}” cannot be its name: a lower-case letter, then letters, digits and _; try my_strategy.`,
    );
    this.name.focus();
    return null;
  }

  private async deploy(): Promise<void> {
    const found = await this.check();
    if (found === null) return;
    const { built, name, tried } = found;
    if (tried.some(({ warnings }) => warnings.length > 0) && this.warned !== built.text) {
      this.warned = built.text;
      this.judge('refused', `${this.verdict.textContent} Not deployed; once more, if it is meant so.`);
      return;
    }
    // How it fares may not have been answered yet; the server has said which version this is.
    const isNew = tried.every(({ version }) => version === 1);
    const sent = await this.ask(built, async () => {
      await uploadStrategy(name, new Blob([built.bytes]));
      return name;
    });
    if (sent === null) return;
    this.judge(
      'accepted',
      isNew
        ? `${name} is accepted, and flies from the next turn on. The camera goes to its first ship when it is born.`
        : `${name} has a new version: its ships think with it from the next turn on.`,
    );
    if (isNew) this.awaited = name;
    this.flying = name;
    // Says to the feed that there is another question.
    this.address.replace({});
  }

  private async fight(): Promise<void> {
    const name = this.named();
    const built = name === null ? null : await this.compile();
    if (name === null || built === null) return;
    this.judge('accepted', `Compiled: ${bytesWords(built.bytes.length)} of WebAssembly.`);
    const rival = this.rival.value;
    const own = name === rival ? `${name}_mine` : name;
    openDuel(this.address, {
      modules: [
        { name: own, bytes: built.bytes },
        { name: rival, bytes: await bundledModule(rival) },
      ],
    });
  }

  private judge(kind: '' | 'accepted' | 'refused', text: string): void {
    this.verdict.className = `verdict ${kind}`;
    write(this.verdict, text);
  }
}
