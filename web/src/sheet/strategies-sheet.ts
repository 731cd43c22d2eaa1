import { openDuel } from '../duel/desk';
import { bundledModule } from '../duel/modules';
import { button, element, write } from '../panel/element';
import { emblem } from '../panel/emblem';
import type { FillSheet } from '../panel/fill-sheet';
import { bytes } from '../panel/format';
import type { Address } from '../place/address';
import { Refused, type SourceFailure } from '../source/failure';
import { nameFrom, uploadStrategy } from '../source/upload';
import { at } from '../sql/question';
import { STRATEGIES, type Strategy } from '../sql/strategies';

const OPPONENT = 'strategy_battle';

export const fillStrategies: FillSheet = (host, address, feed) => {
  const sheet = new StrategiesSheet(host, address);
  feed.follow(
    (place) => (place.sheet === 'strategies' ? at(STRATEGIES, place.turn) : null),
    (strategies) => sheet.show(strategies ?? []),
  );
};

/** The strategies the server holds, and the form that adds one. */
class StrategiesSheet {
  private readonly list = element('ul', { class: 'strategies', 'aria-label': 'Strategies' });
  private readonly name = element('input', {
    id: 'upload-name',
    name: 'name',
    required: '',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'my_strategy',
  });
  private readonly file = element('input', {
    id: 'upload-file',
    name: 'module',
    type: 'file',
    accept: '.wasm,application/wasm',
    required: '',
  });
  private readonly chosen = element('span', { class: 'muted' }, 'or drop it here');
  private readonly send = element('button', { type: 'submit', class: 'primary' }, 'Upload');
  private readonly verdict = element('div', { class: 'verdict', role: 'status', 'aria-live': 'polite' });

  constructor(
    host: HTMLElement,
    private readonly address: Address,
  ) {
    const drop = element(
      'label',
      { class: 'drop', for: 'upload-file' },
      element('span', {}, 'Choose a .wasm module'),
      this.chosen,
      this.file,
    );
    const form = element(
      'form',
      { class: 'upload', 'aria-label': 'Upload a strategy' },
      drop,
      element(
        'div',
        { class: 'row' },
        element('label', { class: 'field' }, element('span', { class: 'label' }, 'Name'), this.name),
        button(
          'Try first',
          { title: 'A duel against strategy_battle, in this page alone' },
          () => void this.try(),
        ),
        this.send,
      ),
      this.verdict,
    );
    form.noValidate = true;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit();
    });
    this.file.addEventListener('change', () => this.choose());
    acceptDrops(drop, (files) => {
      this.file.files = files;
      this.choose();
    });
    const duel = button('Fly strategies against each other …', { class: 'quiet' }, () =>
      address.go({ sheet: 'duel' }),
    );
    host.append(form, element('p', { class: 'to-duel' }, duel), this.list);
  }

  show(strategies: readonly Strategy[]): void {
    this.list.replaceChildren(
      ...strategies.map((strategy) =>
        element(
          'li',
          {},
          element(
            'div',
            { class: 'row' },
            element('span', { class: 'name' }, emblem(strategy.name), strategy.name),
            element(
              'span',
              { class: badgeClass(strategy) },
              strategy.isEnabled ? strategy.status : `${strategy.status}, not enabled`,
            ),
          ),
          element('div', { class: 'muted small' }, detailOf(strategy)),
          strategy.lastFault === null ? null : element('div', { class: 'fault small' }, strategy.lastFault),
        ),
      ),
    );
  }

  private choose(): void {
    const file = this.file.files?.[0];
    write(this.chosen, file === undefined ? 'or drop it here' : `${file.name}, ${bytes(file.size)}`);
    if (file !== undefined && this.name.value === '') this.name.value = nameFrom(file.name);
    this.judge('', '');
  }

  private async submit(): Promise<void> {
    const file = this.file.files?.[0];
    const name = this.name.value.trim();
    if (file === undefined)
      return this.judge('refused', 'There is no module yet: choose the .wasm file your compiler wrote.');
    if (name === '')
      return this.judge(
        'refused',
        'There is no name yet: give the strategy the name under which it shall fly.',
      );
    this.send.disabled = true;
    this.judge('', `Uploading ${bytes(file.size)} …`);
    try {
      await uploadStrategy(name, file);
      this.judge('accepted', acceptance(name, this.address.place.turn !== null));
    } catch (error) {
      this.judge('refused', wordsFor(error as SourceFailure));
    } finally {
      this.send.disabled = false;
    }
  }

  /** A duel of the chosen module against a bundled strategy. */
  private async try(): Promise<void> {
    const file = this.file.files?.[0];
    if (file === undefined)
      return this.judge('refused', 'There is no module yet: choose the .wasm file your compiler wrote.');
    try {
      const own = {
        name: nameFrom(this.name.value) || 'yours',
        bytes: new Uint8Array(await file.arrayBuffer()),
      };
      const other = { name: OPPONENT, bytes: await bundledModule(OPPONENT) };
      openDuel(this.address, { modules: [own.name === OPPONENT ? { ...own, name: 'yours' } : own, other] });
    } catch (error) {
      this.judge('refused', wordsFor(error as SourceFailure));
    }
  }

  private judge(kind: '' | 'accepted' | 'refused', text: string): void {
    this.verdict.className = `verdict ${kind}`;
    write(this.verdict, text);
  }
}

/** The list of a past turn cannot show what has just come. */
export function acceptance(name: string, isPast: boolean): string {
  return isPast
    ? `${name} is accepted. It flies in the live universe; the list below is that of a past turn.`
    : `${name} is accepted.`;
}

/** The server's refusal in full; for a connection that failed, what to do about it. */
export function wordsFor(failure: SourceFailure): string {
  if (failure instanceof Refused) return failure.message;
  return `The upload did not arrive (${failure.message}). Try again when the connection is back.`;
}

export function badgeClass({ status, isEnabled }: Pick<Strategy, 'status' | 'isEnabled'>): string {
  if (status === 'grounded') return 'badge grounded';
  return isEnabled && status === 'flying' ? 'badge' : 'badge off';
}

function detailOf(strategy: Strategy): string {
  return [
    `version ${strategy.version}`,
    strategy.language,
    bytes(strategy.bytes),
    strategy.author,
    `sha256 ${strategy.sha256.slice(0, 12)}`,
  ]
    .filter((part) => part !== null && part !== '')
    .join(' · ');
}

function acceptDrops(target: HTMLElement, onDrop: (files: FileList) => void): void {
  target.addEventListener('dragover', (event) => {
    event.preventDefault();
    target.classList.add('is-over');
  });
  target.addEventListener('dragleave', () => target.classList.remove('is-over'));
  target.addEventListener('drop', (event) => {
    event.preventDefault();
    target.classList.remove('is-over');
    const files = event.dataTransfer?.files;
    if (files !== undefined && files.length > 0) onDrop(files);
  });
}
