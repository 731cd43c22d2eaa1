import type { ModulePlace } from '../source/failure';

/** From one place of a source to another, in UTF-16 units from its beginning. */
export interface Spot {
  readonly from: number;
  readonly to: number;
}

/** Where a source declares what a module shows of it; null for what the library or the compiler declares. */
export interface Declared {
  readonly imports: readonly { readonly module: string; readonly name: string; readonly spot: Spot | null }[];
  readonly exports: readonly { readonly name: string; readonly spot: Spot | null }[];
  /** What is declared at the top, whether exported or not. */
  readonly names: readonly { readonly name: string; readonly spot: Spot | null }[];
}

interface Node {
  readonly range: {
    readonly start: number;
    readonly end: number;
    readonly source: { normalizedPath: string };
  };
}

/** What is read of the compiler's program, once all names are known. */
export interface Program {
  readonly filesByName: ReadonlyMap<
    string,
    {
      readonly exports: ReadonlyMap<string, { readonly identifierNode: Node }> | null;
      readonly members: ReadonlyMap<string, { readonly identifierNode: Node }> | null;
    }
  >;
  readonly elementsByDeclaration: ReadonlyMap<
    Node,
    {
      readonly name: string;
      readonly flags: number;
      readonly identifierNode: Node;
      readonly decoratorNodes: readonly Decorator[] | null;
    }
  >;
}

interface Decorator {
  readonly name: { readonly text?: string };
  readonly args: readonly { readonly value?: unknown }[] | null;
}

/** The compiler's flag of what is declared without a body: `CommonFlags.Ambient`. */
const AMBIENT = 1 << 15;

/** What the program declares of the source that is called `file`. */
export function declaredIn(program: Program, file: string): Declared {
  const own = program.filesByName.get(file.replace(/\.ts$/, ''));
  const spotOf = ({ range }: Node): Spot | null =>
    range.source.normalizedPath === file ? { from: range.start, to: range.end } : null;
  const named = (elements: ReadonlyMap<string, { readonly identifierNode: Node }> | null | undefined) =>
    [...(elements ?? [])].map(([name, { identifierNode }]) => ({ name, spot: spotOf(identifierNode) }));
  const imports = [...program.elementsByDeclaration.values()]
    .filter(({ flags }) => (flags & AMBIENT) !== 0)
    .map(({ name, identifierNode, decoratorNodes }) => {
      const external = decoratorNodes?.find((decorator) => decorator.name.text === 'external');
      const given = (external?.args ?? []).map(({ value }) => String(value));
      // One argument is the name; without any, the module is called as the source is.
      const module = given.length > 1 ? given[0] : identifierNode.range.source.normalizedPath;
      return {
        module: (module ?? '').replace(/\.ts$/, ''),
        name: given[given.length - 1] ?? name,
        spot: spotOf(identifierNode),
      };
    });
  return { imports, exports: named(own?.exports), names: named(own?.members) };
}

/** What of the language asks for an import that the compiler declares by itself. */
const ASKED_BY: Readonly<Record<string, RegExp>> = {
  'env.seed': /\bMath\s*\.\s*random\b/,
  'env.trace': /\btrace\b/,
};

/**
 * Where in a source the reason of a refusal stands: the declaration of the import or of the export, or what asks for it; the
 * first line when nothing says it. Functions are found by the compiler's source map instead.
 */
export function spotOfRefusal(place: ModulePlace | null, declared: Declared, text: string): Spot {
  return (place === null ? null : found(place, declared, text)) ?? { from: 0, to: lineEnd(text) };
}

function found(place: ModulePlace, declared: Declared, text: string): Spot | null {
  if (place.kind === 'function') return null;
  const { name } = place;
  if (place.kind === 'export') {
    const among = [...declared.exports, ...declared.names];
    return among.find((each) => each.name === name && each.spot !== null)?.spot ?? null;
  }
  const isIt = (each: { module: string; name: string }): boolean =>
    each.module === place.module && each.name === name;
  const spot = declared.imports.find((each) => isIt(each) && each.spot !== null)?.spot ?? null;
  return spot ?? firstOf(ASKED_BY[`${place.module}.${name}`], text);
}

/** Where a text has it first, comments and strings apart. */
function firstOf(pattern: RegExp | undefined, text: string): Spot | null {
  const code = text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g,
    (part) => ' '.repeat(part.length),
  );
  const match = pattern === undefined ? null : pattern.exec(code);
  return match === null ? null : { from: match.index, to: match.index + match[0].length };
}

function lineEnd(text: string): number {
  const end = text.indexOf('\n');
  return end < 0 ? text.length : end;
}
