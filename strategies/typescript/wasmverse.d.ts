// The types of wasmverse.js, which says in full what each of these does.

/** Kinds of entity. */
export const SHIP: 1;
export const NODE: 2;
export type Kind = typeof SHIP | typeof NODE;

/** A solar system is a square of this many cells a side. */
export const GRID_SIZE: 100;

/** A plan has room for this number of cells. */
export const MOVE_CELLS_MAX: 15;

/** The largest number that a ship can remember. */
export const MEMORY_MAX: number;

export const Direction: Readonly<{ North: 0; East: 1; South: 2; West: 3 }>;
export type Direction = (typeof Direction)[keyof typeof Direction];

export const Part: Readonly<{ Blasters: 0; Thrusters: 1; Harvesters: 2 }>;
export type Part = (typeof Part)[keyof typeof Part];

/** A cell of the grid, from 0,0 in the north-west. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** The ship that a plan is wanted for. */
export interface Ship extends Place {
  readonly energy: number;
  readonly shield: number;
  readonly blasters: number;
  readonly thrusters: number;
  readonly harvesters: number;
  /** What its last plan was to remember. */
  readonly memory: number;
  /** The last byte of its last plan. */
  readonly lastCommand: number;
}

/** A ship or node in view; danger is a ship's blasters. */
export interface Entity extends Place {
  readonly kind: Kind;
  readonly danger: number;
}

/** What a ship sees: ships first, then nodes. */
export type System = readonly Entity[];

declare const made: unique symbol;

/** What a ship does next. A number, but one that only the functions below make. */
export type Plan = number & { readonly [made]: true };

/** What a strategy exports as `decide`. */
export type Decide = (ship: Ship, system: System) => Plan;

export function hold(memory?: number): Plan;
export function move(direction: Direction, cells: number, memory?: number): Plan;
export function upgrade(part: Part, memory?: number): Plan;
export function moveToward(ship: Place, target: Place, memory?: number): Plan;

export function distance(one: Place, other: Place): number;
export function nearest(kind: Kind, ship: Place, system: System): Entity | null;
export function cellsAhead(ship: Place, direction: Direction): number;

declare global {
  /** Prints into the strategy's log. */
  const console: { log(...values: unknown[]): void };
}
