import { architecture } from '../help/architecture';
import { rules } from '../help/rules';
import { element } from '../panel/element';
import type { FillSheet } from '../panel/fill-sheet';
import { legend } from '../panel/legend';
import { tabs } from '../panel/tabs';

const KEYS: readonly (readonly [string, string])[] = [
  ['Click', 'fly into a system; select a ship or a node'],
  ['Drag, arrows', 'move the view'],
  ['Wheel, pinch, + −', 'come closer, draw back'],
  ['0', 'see all'],
  ['/', 'find a system, a ship, a strategy, or: richest, oldest, random'],
  ['Enter', 'fly into the star that is marked, or the one nearest to the middle'],
  ['n p', 'next ship, ship before; on the map: the next star from the middle outwards'],
  ['Shift + arrows', 'on the map: the next star that way'],
  ['h', 'on the map: the next heat (energy, battles, density, change), then territories'],
  ['e', 'the nearest ship of another strategy'],
  ['f', 'follow the selected one; with none selected, the heroes'],
  ['w', 'watch: the camera leads, until you do something'],
  ['x', 'share: a link, a picture, a clip'],
  ['m', 'sound on or off'],
  ['s', 'strategies and upload'],
  ['a', 'write a strategy; Ctrl + Enter compiles and checks it, Ctrl + S also flies it'],
  ['c', 'SQL console; Ctrl + Enter runs, Escape leaves the editor'],
  ['Space', 'stand still at this turn; play on from it'],
  ['< >', 'play slower, faster'],
  ['b', 'the turn before in slow motion'],
  ['[ ]', 'ten turns back, ten turns on; one with comma and point'],
  ['l', 'from a past turn back to the live universe'],
  ['Escape', 'one step back: sheet, selection, map'],
];

/** What is to be seen and how to get about; a tab away, the rules and how it all works. */
export const fillHelp: FillSheet = (host) => {
  host.append(
    tabs('Help', [
      ['What you see', sights],
      ['Rules', rules],
      ['How it works', architecture],
    ]),
  );
};

function sights(): HTMLElement {
  return element(
    'div',
    {},
    legend(),
    element(
      'p',
      {},
      'Each star is a solar system; it is whiter where several strategies share it. Inside, lights are energy nodes. The ring around a ship ',
      'is its shield, guns come with blasters, the flame grows with the thrusters, the hull with every upgrade. A ship that falls leaves its ',
      'energy as a node.',
    ),
    element('p', {}, 'Point at a figure, reach it by keyboard or tap it: a line says what it is.'),
    element(
      'dl',
      { class: 'keys' },
      ...KEYS.flatMap(([key, does]) => [
        element('dt', {}, ...key.split(/(?<=,) /).map((part) => element('kbd', {}, part.replace(',', '')))),
        element('dd', {}, does),
      ]),
    ),
  );
}
