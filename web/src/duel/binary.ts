/** What a module imports and exports, with the types that JavaScript does not tell: read from its bytes. */

/** As `(i32, i64) -> i64`; what has no core type, such as a memory, is named by its kind. */
export interface Contents {
  /** `module.name` of each. */
  readonly imports: readonly string[];
  readonly exports: ReadonlyMap<string, string>;
}

const MAGIC = 0x6d736100;
const KINDS = ['function', 'table', 'memory', 'global', 'tag'];
const TYPES: Readonly<Record<number, string>> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
};
const TYPE = 1;
const IMPORT = 2;
const FUNCTION = 3;
const EXPORT = 7;

export function isComponent(bytes: Uint8Array): boolean {
  return isWasm(bytes) && bytes[6] === 1;
}

export function isWasm(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === MAGIC;
}

/** Of a module that the browser has compiled, so that it is known to be well-formed. Source: WebAssembly Core 2.0, 5.5. */
export function contentsOf(bytes: Uint8Array): Contents {
  const types: string[] = [];
  /** Of each function, imports first, the number of its type. */
  const functions: number[] = [];
  const imports: string[] = [];
  const exports = new Map<string, string>();
  const all = new Reader(bytes, 8);
  while (!all.isDone) {
    const section = all.byte();
    const end = all.number() + all.at;
    if (section === TYPE) all.repeat(() => types.push(all.functionType()));
    if (section === IMPORT)
      all.repeat(() => {
        imports.push(`${all.text()}.${all.text()}`);
        const kind = all.byte();
        if (kind === 0) functions.push(all.number());
        else all.skipType(kind);
      });
    if (section === FUNCTION) all.repeat(() => functions.push(all.number()));
    if (section === EXPORT)
      all.repeat(() => {
        const name = all.text();
        const kind = all.byte();
        const type = types[functions[all.number()] ?? -1];
        exports.set(name, kind === 0 && type !== undefined ? type : (KINDS[kind] ?? 'unknown'));
      });
    all.at = end;
  }
  return { imports, exports };
}

class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  get isDone(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  text(): string {
    const length = this.number();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  repeat(action: () => void): void {
    for (let left = this.number(); left > 0; left--) action();
  }

  functionType(): string {
    this.byte();
    const list = (): string => {
      const found: string[] = [];
      this.repeat(() => found.push(TYPES[this.byte()] ?? 'reference'));
      return found.join(', ');
    };
    return `(${list()}) -> ${list()}`;
  }

  /** The type of an import that is no function. */
  skipType(kind: number): void {
    if (kind === 3) {
      this.at += 2;
      return;
    }
    if (kind === 1 || kind === 4) this.byte();
    if (kind === 4) {
      this.number();
      return;
    }
    const hasMost = (this.byte() & 1) === 1;
    this.number();
    if (hasMost) this.number();
  }
}
