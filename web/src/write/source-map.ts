import type { Spot } from './spots';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const IMPORT = 2;
const CODE = 10;

/**
 * The first place of `file` from which the compiler made something of a module's function; null if there is none.
 *
 * `index` counts all functions, imported ones first; `map` is the source map of the module as JSON: one line, whose columns are
 * bytes of the module. Sources: ECMA-426 (source maps), WebAssembly Core 2.0, 5.5 (sections).
 */
export function spotOfFunction(
  module: Uint8Array,
  map: string,
  index: number,
  file: string,
  text: string,
): Spot | null {
  const range = bodyOf(module, index);
  if (range === null) return null;
  const { sources, mappings } = JSON.parse(map) as { sources: string[]; mappings: string };
  const number = sources.indexOf(file);
  const lines = text.split('\n');
  let [byte, source, line, column] = [0, 0, 0, 0];
  for (const segment of mappings.split(',')) {
    const [bytes = 0, ...rest] = numbersIn(segment);
    byte += bytes;
    if (rest.length < 3) continue;
    const [toSource = 0, toLine = 0, toColumn = 0] = rest;
    [source, line, column] = [source + toSource, line + toLine, column + toColumn];
    if (source !== number || byte < range.from || byte >= range.to) continue;
    const before = lines.slice(0, line).reduce((sum, each) => sum + each.length + 1, 0);
    return { from: before + column, to: before + (lines[line]?.length ?? column) };
  }
  return null;
}

/** The bytes of a function's body, if the module has it and does not import it. */
function bodyOf(module: Uint8Array, index: number): Spot | null {
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at] ?? 0;
      at += 1;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  let imported = 0;
  while (at < module.length) {
    const section = number();
    const end = number() + at;
    // What a strategy imports are functions: a name, another one, the kind, the type.
    if (section === IMPORT) imported = number();
    if (section === CODE) {
      const count = number();
      for (let each = imported; each < imported + count; each += 1) {
        const size = number();
        if (each === index) return { from: at, to: at + size };
        at += size;
      }
    }
    at = end;
  }
  return null;
}

/** The numbers of one segment, each in digits of five bits, the lowest first, with the sign in the lowest bit. */
function numbersIn(segment: string): number[] {
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) * 2 ** shift;
    shift += 5;
    if (bits >= 32) continue;
    numbers.push(value % 2 === 1 ? -(value - 1) / 2 : value / 2);
    [value, shift] = [0, 0];
  }
  return numbers;
}
