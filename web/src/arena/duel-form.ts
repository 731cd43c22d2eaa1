import { type DuelOrder, MODULES_MAX, MODULES_MIN, SIZES } from '../duel/desk';
import type { DuelModule } from '../duel/guest';
import { BUNDLED, bundledModule } from '../duel/modules';
import { RECORDING_CHARACTERS_MAX, readRecording } from '../duel/recording';
import { button, element, write } from '../panel/element';
import { emblem } from '../panel/emblem';
import { count } from '../panel/format';
import { nameFrom } from '../source/upload';

/** The largest sizes that a page plays: what is kept of all turns must fit into its memory. */
const MOST: Readonly<Record<string, number>> = {
  seed: Number.MAX_SAFE_INTEGER,
  turns: 1000,
  systems: 64,
  upkeep: 1000,
};
const FIELDS = ['seed', 'turns', 'systems', 'upkeep'] as const;
const LEAST: Readonly<Record<(typeof FIELDS)[number], number>> = { seed: 0, turns: 1, systems: 1, upkeep: 0 };

/** Who flies against whom: strategies that come with Wasmverse, files of one's own, and what another part of the page brought. */
export class DuelForm {
  readonly host = element('form', { class: 'duel-form', 'aria-label': 'A duel' });
  private readonly chosen = element('ul', { class: 'duel-chosen', 'aria-label': 'Who flies' });
  private readonly file = element('input', {
    type: 'file',
    accept: '.wasm,application/wasm',
    multiple: '',
    class: 'unseen',
    'aria-label': 'Modules',
  });
  private readonly recording = element('input', {
    type: 'file',
    accept: '.jsonl',
    class: 'unseen',
    'aria-label': 'Recording',
  });
  private readonly numbers = new Map<string, HTMLInputElement>();
  private readonly hint = element('p', { class: 'hint', role: 'alert', hidden: '' });
  private modules: DuelModule[] = [];

  constructor(private readonly onOrder: (order: DuelOrder) => void) {
    const fields = FIELDS.map((name) => {
      const field = element('input', {
        type: 'number', min: String(LEAST[name]), max: String(MOST[name]), step: '1', value: String(SIZES[name]),
        name,
      }); // biome-ignore format: one line
      this.numbers.set(name, field);
      return element('label', { class: 'field' }, element('span', { class: 'label' }, name), field);
    });
    this.host.append(
      element(
        'div',
        { class: 'duel-choice' },
        ...BUNDLED.map((name) =>
          button(
            `+ ${name.replace('strategy_', '')}`,
            { class: 'quiet', title: `Add ${name}` },
            () => void this.addBundled(name),
          ),
        ),
        button('+ file …', { class: 'quiet', title: 'Add a .wasm module of your own' }, () =>
          this.file.click(),
        ),
        this.file,
        button(
          'play a recording …',
          { class: 'quiet', title: 'Play what wasmverse duel --save has written' },
          () => this.recording.click(),
        ),
        this.recording,
      ),
      this.chosen,
      element(
        'div',
        { class: 'row duel-sizes' },
        ...fields,
        element('button', { type: 'submit', class: 'primary' }, 'Fly'),
      ),
      this.hint,
    );
    this.file.addEventListener('change', () => void this.addFiles([...(this.file.files ?? [])]));
    this.recording.addEventListener('change', () => void this.playRecording(this.recording.files?.[0]));
    this.host.noValidate = true;
    this.host.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    this.draw();
  }

  /** Another part of the page has asked for this duel. */
  take(order: DuelOrder): void {
    this.modules = [...order.modules];
    for (const [name, field] of this.numbers) {
      const value = order[name as (typeof FIELDS)[number]];
      if (value !== undefined) field.value = String(value);
    }
    this.say('');
    this.draw();
  }

  private async addBundled(name: string): Promise<void> {
    try {
      this.add({ name, bytes: await bundledModule(name) });
    } catch (error) {
      this.say(`${name} did not arrive: ${(error as Error).message}. Try again.`);
    }
  }

  private async addFiles(files: readonly File[]): Promise<void> {
    for (const file of files)
      this.add({ name: nameFrom(file.name), bytes: new Uint8Array(await file.arrayBuffer()) });
    this.file.value = '';
  }

  private async playRecording(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    try {
      if (file.size > RECORDING_CHARACTERS_MAX)
        throw new Error(`${file.name} is too large for a page: run \`wasmverse replay\` with it.`);
      this.onOrder(readRecording(await file.text(), MOST));
    } catch (error) {
      this.say((error as Error).message);
    }
    this.recording.value = '';
  }

  /** The same module may fly twice, under another name. */
  private add({ name, bytes }: DuelModule): void {
    if (this.modules.length >= MODULES_MAX) {
      this.say(`${MODULES_MAX} modules fly at most: take one out first.`);
      return;
    }
    const taken = new Set(this.modules.map((module) => module.name));
    let own = name === '' ? 'module' : name;
    for (let number = 2; taken.has(own); number++) own = `${name}_${number}`;
    this.modules.push({ name: own, bytes });
    this.say('');
    this.draw();
  }

  private draw(): void {
    this.chosen.replaceChildren(
      ...this.modules.map((module) =>
        element(
          'li',
          {},
          emblem(module.name),
          module.name,
          button('×', { class: 'quiet round', 'aria-label': `Take out ${module.name}` }, () => {
            this.modules = this.modules.filter((each) => each !== module);
            this.draw();
          }),
        ),
      ),
    );
    if (this.modules.length === 0)
      this.chosen.append(element('li', { class: 'muted' }, 'Nobody yet: add two to six.'));
  }

  private send(): void {
    if (this.modules.length < MODULES_MIN) {
      this.say(
        `A duel is between ${MODULES_MIN} to ${MODULES_MAX} modules: add ${MODULES_MIN - this.modules.length} more.`,
      );
      return;
    }
    const sizes: Record<string, number> = {};
    for (const [name, field] of this.numbers) {
      const value = Number(field.value);
      if (!Number.isSafeInteger(value) || value < Number(field.min) || value > Number(field.max)) {
        this.say(
          `${name} is ${field.value || 'empty'}; allowed is a whole number from ${field.min} to ${count(Number(field.max))}.`,
        );
        field.focus();
        return;
      }
      sizes[name] = value;
    }
    this.say('');
    this.onOrder({ ...sizes, modules: this.modules });
  }

  private say(words: string): void {
    this.hint.hidden = words === '';
    write(this.hint, words);
  }
}
