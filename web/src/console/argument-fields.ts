import { button, element } from '../panel/element';
import type { Value } from '../source/answer';
import { readArgument, readArguments, typedArgument } from './statement';

/** A field for each `?` of a statement; or one field for all of them, as a JSON list. */
export class ArgumentFields {
  readonly host = element('div', { class: 'arguments', role: 'group', 'aria-label': 'Arguments' });
  private values: readonly Value[] = [];
  private count = 0;
  private isList = false;
  private list = '[]';

  constructor(private readonly onRun: () => void) {
    this.host.hidden = true;
  }

  /** The values, one for each `?`; null where what stands in the list's field is no list. */
  read(): readonly Value[] | null {
    if (this.isList) return readArguments(this.list);
    return this.values.slice(0, this.count);
  }

  /** So many question marks are there now; values that were typed before stay. */
  setCount(count: number): void {
    if (count === this.count) return;
    this.count = count;
    this.draw();
  }

  write(values: readonly Value[]): void {
    this.values = values;
    this.list = JSON.stringify(values);
    this.draw();
  }

  private draw(): void {
    this.host.hidden = this.count === 0;
    const turn = button(
      this.isList ? 'As fields' : 'As a list',
      { class: 'quiet', title: this.isList ? 'A field for each ?' : 'All of them as one JSON list' },
      () => this.turnOver(),
    );
    this.host.replaceChildren(...(this.isList ? [this.listField()] : this.fields()), turn);
  }

  private turnOver(): void {
    if (this.isList) this.values = readArguments(this.list) ?? this.values;
    else this.list = JSON.stringify(this.values.slice(0, this.count));
    this.isList = !this.isList;
    this.draw();
    this.host.querySelector('input')?.focus();
  }

  private fields(): HTMLElement[] {
    const values = Array.from({ length: this.count }, (_, at) => this.values[at] ?? '');
    this.values = values;
    return values.map((value, at) => {
      const input = this.input(typedArgument(value), `7, text, null or [1, 2]`, (typed) => {
        this.values = this.values.map((each, place) => (place === at ? readArgument(typed) : each));
      });
      return element('label', { class: 'field' }, element('span', { class: 'label' }, `? ${at + 1}`), input);
    });
  }

  private listField(): HTMLElement {
    const input = this.input(this.list, '[7, "text"]', (typed) => {
      this.list = typed;
      input.setAttribute('aria-invalid', String(readArguments(typed) === null));
    });
    return element(
      'label',
      { class: 'field' },
      element('span', { class: 'label' }, 'Arguments, a JSON list'),
      input,
    );
  }

  private input(value: string, hint: string, onInput: (typed: string) => void): HTMLInputElement {
    const input = element('input', { autocomplete: 'off', spellcheck: 'false', placeholder: hint });
    input.value = value;
    input.addEventListener('input', () => onInput(input.value));
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.onRun();
    });
    return input;
  }
}
