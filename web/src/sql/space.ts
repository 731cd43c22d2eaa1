/** The sides of the two squares that the universe is made of, in cells: the map of all systems, and the grid of one. */
export const MAP_SIDE = 500;
export const GRID_SIDE = 100;
