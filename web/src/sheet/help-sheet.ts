import { element } from '../panel/element';
import type { FillSheet } from '../panel/fill-sheet';

const KEYS: readonly (readonly [string, string])[] = [
  ['Click', 'fly into a system; select a ship or a node'],
  ['Drag, arrows', 'move the view'],
  ['Wheel, pinch, + −', 'come closer, draw back'],
  ['0', 'see all'],
  ['/', 'find a system, a ship, a strategy, or: richest, oldest, random'],
  ['Enter', 'fly into the star that is marked, or the one nearest to the middle'],
  ['n p', 'next ship, ship before; on the map: the next star from the middle outwards'],
  ['Shift + arrows', 'on the map: the next star that way'],
  ['f', 'follow the selected one'],
  ['w', 'watch: the camera leads, until you do something'],
  ['s', 'strategies and upload'],
  ['c', 'SQL console'],
  ['l', 'from a past turn back to the live universe'],
  ['Escape', 'one step back: sheet, selection, map'],
];

/** What is to be seen, and how to get about. */
export const fillHelp: FillSheet = (host) => {
  host.append(
    element(
      'p',
      {},
      'Each star is a solar system. Its colour is that of the strategy with most energy there, whiter where ',
      'several share it; it shines by the energy of its ships. Battles flash where they are fought.',
    ),
    element(
      'p',
      {},
      'Inside, darts are ships and lights are energy nodes. The ring is the shield, guns come with blasters, ',
      'the flame grows with the thrusters, the hull with every upgrade. A ship that falls leaves its energy as a node.',
    ),
    element('p', {}, 'The page knows no rules: it issues SQL, and draws what comes back.'),
    element(
      'dl',
      { class: 'keys' },
      ...KEYS.flatMap(([key, does]) => [
        element('dt', {}, ...key.split(/(?<=,) /).map((part) => element('kbd', {}, part.replace(',', '')))),
        element('dd', {}, does),
      ]),
    ),
  );
};
