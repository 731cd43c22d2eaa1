import { drawing, hull, path, shape } from '../panel/drawing';
import { element } from '../panel/element';

const LINE = '#9cc4ff';
const INK = '#e9eefb';
const MUTED = '#9aa7c2';

function box(x: number, y: number, width: number, height: number, title: string, words: string): SVGElement {
  const middle = x + width / 2;
  return shape(
    'g',
    {},
    shape('rect', { x, y, width, height, rx: 12, fill: '#0d1526', stroke: LINE, 'stroke-opacity': 0.4 }),
    shape('text', { x: middle, y: y + 24, fill: INK, 'font-size': 15, 'text-anchor': 'middle' }, title),
    shape('text', { x: middle, y: y + 42, fill: MUTED, 'font-size': 11.5, 'text-anchor': 'middle' }, words),
  );
}

const flow = (d: string): SVGElement =>
  path(d, { stroke: LINE, 'stroke-width': 1.6, 'marker-end': 'url(#help-arrow)' });
const word = (x: number, y: number, text: string): SVGElement =>
  shape('text', { x, y, fill: '#ffd08a', 'font-size': 11.5, 'text-anchor': 'middle' }, text);

function picture(): SVGElement {
  const head = shape(
    'defs',
    {},
    shape(
      'marker',
      {
        id: 'help-arrow',
        viewBox: '0 0 8 8',
        refX: 7,
        refY: 4,
        markerWidth: 7,
        markerHeight: 7,
        orient: 'auto',
      },
      shape('path', { d: 'M0 0L8 4L0 8Z', fill: LINE }),
    ),
  );
  return drawing(
    400,
    324,
    head,
    box(8, 8, 150, 56, 'This page', 'knows no rule'),
    box(242, 8, 150, 56, 'An author', 'writes a strategy'),
    box(8, 128, 150, 56, 'Readers', 'answer SQL, confined'),
    box(116, 248, 168, 60, 'Universe', 'a database, one writer'),
    flow('M66 66V124'),
    flow('M100 126V68'),
    word(46, 100, 'SQL'),
    word(122, 100, 'rows'),
    flow('M317 66C317 160 300 210 268 244'),
    word(352, 150, 'WebAssembly'),
    flow('M150 246C120 232 96 214 88 188'),
    word(158, 214, 'a turn, as it was'),
    path('M284 266c46 -14 60 36 4 28', {
      stroke: '#ffd08a',
      'stroke-width': 1.6,
      'marker-end': 'url(#help-arrow)',
    }),
    word(350, 314, 'every second'),
    hull(0, 214, 228, 20, -20),
    hull(1, 236, 216, 16, -20),
  );
}

export function architecture(): HTMLElement {
  return element(
    'div',
    {},
    element('div', { class: 'architecture' }, picture()),
    element(
      'p',
      {},
      'The universe lives in a database. Each turn it reads its own state, shows every ship what it sees, calls the strategies inside ',
      'WebAssembly, next to the data, applies the rules, and commits all of it in one transaction.',
    ),
    element(
      'p',
      {},
      'After each turn its state is laid out for readers, which answer all SQL in processes of their own: a query can be slow or hostile ',
      'and no turn is late for it. Every answer belongs to exactly one turn.',
    ),
    element(
      'p',
      {},
      'This page knows neither rules nor strategies: it asks in SQL, once or live after every turn, and draws what comes back. The console (',
      element('kbd', {}, 'c'),
      ') asks the same way.',
    ),
  );
}
