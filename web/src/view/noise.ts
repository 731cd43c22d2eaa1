/** A square of clouds whose edges fit each other, so that it can be repeated: two kinds, 0..255, as red and green. */
export function cloudPixels(side: number): Uint8Array {
  const pixels = new Uint8Array(side * side * 4);
  const kinds = [5, 23].map((seed) => clouds(side, seed));
  kinds.forEach((density, kind) => {
    density.forEach((value, at) => {
      pixels[at * 4 + kind] = Math.round(value * 255);
    });
  });
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255;
  return pixels;
}

/** Octaves of smooth noise, each twice as fine and half as strong, stretched to 0..1. */
function clouds(side: number, seed: number): Float32Array {
  const sum = new Float32Array(side * side);
  for (let cells = 4, weight = 1; cells <= side / 4; cells *= 2, weight /= 2) {
    const lattice = Float32Array.from({ length: cells * cells }, (_, at) => noise(at, seed + cells));
    const cell = side / cells;
    for (let y = 0; y < side; y += 1) {
      const row = Math.floor(y / cell);
      const v = fade(y / cell - row);
      const above = row * cells;
      const below = ((row + 1) % cells) * cells;
      for (let x = 0; x < side; x += 1) {
        const column = Math.floor(x / cell);
        const u = fade(x / cell - column);
        const next = (column + 1) % cells;
        const top = mix(lattice[above + column] ?? 0, lattice[above + next] ?? 0, u);
        const bottom = mix(lattice[below + column] ?? 0, lattice[below + next] ?? 0, u);
        sum[y * side + x] = (sum[y * side + x] ?? 0) + weight * mix(top, bottom, v);
      }
    }
  }
  const least = sum.reduce((a, b) => Math.min(a, b));
  const most = sum.reduce((a, b) => Math.max(a, b));
  return sum.map((value) => (value - least) / (most - least));
}

function fade(t: number): number {
  return t * t * (3 - 2 * t);
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** A number 0..1 that looks random and is always the same: the sky does not change with a reload. */
export function noise(x: number, y: number): number {
  let hash = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x1_0000_0000;
}
