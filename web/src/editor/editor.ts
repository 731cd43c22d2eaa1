import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language';
import { setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState, type Extension, type Transaction } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightSpecialChars,
  type KeyBinding,
  keymap,
  placeholder,
} from '@codemirror/view';
import type { Problem } from './problem';
import { THEME } from './theme';

export interface EditorOptions {
  /** What screen readers call the field. */
  readonly label: string;
  readonly placeholder: string;
  /** Of the language; can be replaced when more is known of what may be written. */
  readonly language: Extension;
  readonly extras?: Extension;
  readonly keys: readonly KeyBinding[];
  /** Escape has been pressed, and nothing in the editor was there to be closed. */
  readonly onLeave: () => void;
  readonly onChange: (text: string) => void;
}

/**
 * One field in which SQL or a strategy is written. It stands in a shadow root: there CodeMirror adds its rules as a
 * constructed style sheet, in the document as a `style` element, which the page's security policy does not allow.
 */
export class Editor {
  readonly host = document.createElement('div');
  private readonly view: EditorView;
  private readonly language = new Compartment();

  constructor(options: EditorOptions) {
    this.host.className = 'editor';
    // Whoever gives the focus to the host means the field in it.
    this.host.focus = () => this.view.focus();
    const root = this.host.attachShadow({ mode: 'open' });
    this.view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        extensions: [
          THEME,
          history(),
          drawSelection(),
          highlightSpecialChars(),
          indentOnInput(),
          indentUnit.of('  '),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false }),
          EditorView.lineWrapping,
          placeholder(options.placeholder),
          EditorView.contentAttributes.of({
            'aria-label': options.label,
            // Without it the scrolled text counts as out of the keyboard's reach.
            tabindex: '0',
            spellcheck: 'false',
            autocapitalize: 'off',
            autocorrect: 'off',
          }),
          EditorView.domEventHandlers({ beforeinput: replaceBySelf }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) options.onChange(update.state.doc.toString());
          }),
          this.language.of(options.language),
          options.extras ?? [],
          keymap.of([
            ...options.keys.map(closingFirst),
            { key: 'Tab', run: acceptCompletion },
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            {
              key: 'Escape',
              run: () => {
                options.onLeave();
                return true;
              },
            },
          ]),
        ],
      }),
    });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  set text(text: string) {
    if (text === this.text) return;
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: text },
      selection: { anchor: text.length },
    });
  }

  speak(language: Extension): void {
    this.view.dispatch({ effects: this.language.reconfigure(language) });
  }

  /** Shows these problems, and no others, until the text is changed there. */
  mark(problems: readonly Problem[]): void {
    const most = this.view.state.doc.length;
    const diagnostics = problems.map(({ from, to, message }) => ({
      from: Math.min(from, most),
      to: Math.min(Math.max(to, from), most),
      severity: 'error' as const,
      message,
    }));
    this.view.dispatch(setDiagnostics(this.view.state, diagnostics));
    const first = diagnostics[0];
    if (first !== undefined) this.view.dispatch({ effects: EditorView.scrollIntoView(first.from) });
  }

  /** Puts the caret at a place, in sight. */
  point(at: number): void {
    this.view.dispatch({
      selection: { anchor: Math.min(at, this.view.state.doc.length) },
      scrollIntoView: true,
    });
    this.view.focus();
  }
}

/** What is done by a key of the sheet ends the choice of a completion. */
function closingFirst(binding: KeyBinding): KeyBinding {
  return {
    ...binding,
    run: (view) => {
      closeCompletion(view);
      return binding.run?.(view) ?? false;
    },
  };
}

/**
 * Replaces the selected lines by what is typed over them. A browser that does it itself joins the lines by elements with
 * a `style` attribute, which the page's security policy refuses with an error in the log.
 */
function replaceBySelf(event: InputEvent, view: EditorView): boolean {
  if (event.inputType !== 'insertText' || event.data === null || view.composing) return false;
  const { from, to } = selectedIn(view);
  if (from >= to) return false;
  event.preventDefault();
  const text = event.data;
  const insert = (): Transaction =>
    view.state.update({
      changes: { from, to, insert: view.state.toText(text) },
      selection: { anchor: from + view.state.toText(text).length },
      userEvent: 'input.type',
      scrollIntoView: true,
    });
  // Who closes brackets may want to put them around the selection instead.
  const isTaken = view.state
    .facet(EditorView.inputHandler)
    .some((take) => take(view, from, to, text, insert));
  if (!isTaken) view.dispatch(insert());
  return true;
}

/** What is selected on the screen: the editor itself may not have heard of it yet. */
function selectedIn(view: EditorView): { from: number; to: number } {
  // Of the browsers in use only those of Chromium's kind have it on a shadow root; others have not the trouble.
  const root = view.root as ShadowRoot & { getSelection?: () => Selection | null };
  const { anchorNode, anchorOffset, focusNode, focusOffset } = root.getSelection?.() ?? {};
  const isWithin = (node: Node | null | undefined): node is Node =>
    node != null && view.contentDOM.contains(node);
  if (!isWithin(anchorNode) || !isWithin(focusNode)) return view.state.selection.main;
  const anchor = view.posAtDOM(anchorNode, anchorOffset);
  const focus = view.posAtDOM(focusNode, focusOffset);
  return { from: Math.min(anchor, focus), to: Math.max(anchor, focus) };
}
