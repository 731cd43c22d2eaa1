import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** On the sheet's dark ground each of these has a contrast of 7:1 at least (tests/editor/theme.test.ts). */
export const INKS = {
  plain: '#e9eefb',
  keyword: '#9cc4ff',
  text: '#8be0b4',
  number: '#ffd08a',
  name: '#d9c5ff',
  type: '#7fe0e6',
  quiet: '#9aa7c2',
  wrong: '#ff9b80',
} as const;

const HIGHLIGHTS = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.controlKeyword, tags.definitionKeyword], color: INKS.keyword },
  { tag: [tags.string, tags.special(tags.string), tags.character], color: INKS.text },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: INKS.number },
  {
    tag: [
      tags.function(tags.variableName),
      tags.function(tags.definition(tags.variableName)),
      tags.function(tags.propertyName),
      tags.standard(tags.name),
      tags.meta,
    ],
    color: INKS.name,
  },
  { tag: [tags.typeName, tags.className, tags.special(tags.name)], color: INKS.type },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: INKS.quiet, fontStyle: 'italic' },
  { tag: tags.invalid, color: INKS.wrong },
]);

/* A shadow root sees the page's custom properties and fonts, and none of its rules. */
const LOOK = EditorView.theme(
  {
    '&': {
      height: 'var(--editor-height, auto)',
      minHeight: 'var(--editor-min, 0)',
      maxHeight: 'var(--editor-max, none)',
      color: INKS.plain,
      fontSize: 'var(--editor-size, 0.88rem)',
      backgroundColor: 'transparent',
    },
    '&.cm-focused': { outline: 'none' },
    '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6', fontFeatureSettings: '"calt" 0' },
    '.cm-content': { padding: '10px 0', caretColor: 'var(--glow)' },
    '.cm-line': { padding: '0 14px' },
    '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--glow)', borderLeftWidth: '2px' },
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
      background: 'rgb(70 104 180 / 0.5)',
    },
    '.cm-placeholder': { color: INKS.quiet },
    '.cm-gutters': {
      color: INKS.quiet,
      backgroundColor: 'transparent',
      borderRight: '1px solid var(--line)',
    },
    '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'rgb(120 160 255 / 0.06)' },
    '&.cm-focused .cm-matchingBracket': { backgroundColor: 'rgb(156 196 255 / 0.28)' },
    '.cm-lintRange-error': {
      backgroundImage: 'none',
      textDecoration: `underline wavy ${INKS.wrong} 1.5px`,
      textUnderlineOffset: '4px',
    },
    '.cm-lint-marker-error': { content: '"●"', color: INKS.wrong },
    '.cm-tooltip': {
      maxWidth: 'min(560px, 90vw)',
      color: INKS.plain,
      background: '#0b1122',
      border: '1px solid rgb(156 196 255 / 0.3)',
      borderRadius: '10px',
      overflow: 'hidden',
      boxShadow: '0 10px 30px rgb(0 0 0 / 0.5)',
    },
    '.cm-diagnostic': { padding: '8px 12px', fontFamily: 'inherit', whiteSpace: 'pre-wrap' },
    '.cm-diagnostic-error': { borderLeft: `3px solid ${INKS.wrong}` },
    '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '15em' },
    '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px', lineHeight: '1.5' },
    '.cm-tooltip-autocomplete ul li[aria-selected]': { color: '#fff', background: 'rgb(60 90 160 / 0.8)' },
    '.cm-completionMatchedText': { color: 'var(--glow)', textDecoration: 'none' },
    '.cm-completionDetail': { color: INKS.quiet, fontStyle: 'normal', marginLeft: '1em' },
    '.cm-tooltip.cm-completionInfo': { padding: '9px 13px', maxWidth: '360px', whiteSpace: 'pre-wrap' },
    '.cm-panels': { color: INKS.plain, backgroundColor: '#0b1122', borderColor: 'var(--line)' },
    '.cm-textfield, .cm-button': {
      color: 'inherit',
      background: '#131b30',
      border: '1px solid var(--line)',
      borderRadius: '6px',
      fontSize: '0.9em',
    },
    '.cm-searchMatch': { backgroundColor: 'rgb(255 208 138 / 0.25)' },
    '.cm-searchMatch.cm-searchMatch-selected': { backgroundColor: 'rgb(255 208 138 / 0.5)' },
  },
  { dark: true },
);

export const THEME: Extension = [LOOK, syntaxHighlighting(HIGHLIGHTS)];
