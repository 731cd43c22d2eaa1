import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { keywordCompletionSource, SQLDialect, schemaCompletionSource } from '@codemirror/lang-sql';
import { LanguageSupport } from '@codemirror/language';
import type { Extension } from '@codemirror/state';

/** What can be named in a statement, as the server tells it. */
export interface Names {
  readonly relations: readonly { readonly name: string; readonly columns: readonly NamedColumn[] }[];
  readonly functions: readonly NamedFunction[];
}

export interface NamedColumn {
  readonly name: string;
  readonly type: string;
  /** What it means. */
  readonly words: string;
}

export interface NamedFunction {
  readonly name: string;
  /** What stands between its parentheses, then what it gives. */
  readonly signature: string;
  readonly words: string;
}

export const NO_NAMES: Names = { relations: [], functions: [] };

/** One thing that a statement may name, as the catalogue lists it. */
interface Entry {
  readonly sort: 'column' | 'function' | 'wasm' | 'strategy';
  readonly relation: string | null;
  readonly name: string;
  readonly detail: string;
  readonly words: string;
}

export function namesIn(entries: readonly Entry[]): Names {
  const relations = new Map<string, NamedColumn[]>();
  const functions: NamedFunction[] = [];
  for (const { relation, name, detail, words } of entries) {
    if (relation === null) {
      functions.push({ name, signature: detail, words });
      continue;
    }
    const columns = relations.get(relation) ?? [];
    columns.push({ name, type: detail, words });
    relations.set(relation, columns);
  }
  return { relations: [...relations].map(([name, columns]) => ({ name, columns })), functions };
}

/* DuckDB reads nearly all of PostgreSQL's grammar, and has some words of its own. */
const KEYWORDS = `all analyze and any as asc asof between by case collate columns cross cube current date desc describe distinct else end
except exclude exists explain extract false filter first following for from full group grouping having ignore ilike in inner intersect interval
into is isnull join lateral left like limit materialized natural not notnull null nulls of offset on or order ordinality outer over
partition percent pivot positional preceding qualify range recursive replace respect right rollup row rows sample select semi set
sets show similar some struct summarize table tables tablesample then ties time timestamp to true try_cast unbounded union unpivot
using values when where window with within without`;
const TYPES = `array bigint bit blob bool boolean char date decimal double float hugeint int integer interval json list map numeric
real smallint struct text time timestamp timestamptz tinyint ubigint uhugeint uinteger union usmallint utinyint uuid varchar`;

const SPEC = {
  keywords: KEYWORDS,
  types: TYPES,
  operatorChars: '*+-%<>!=&|~^/@:',
  specialVar: '?$',
  doubleDollarQuotedStrings: true,
  caseInsensitiveIdentifiers: true,
};
const WORDS = SQLDialect.define(SPEC);

export function sqlLanguage(names: Names): Extension {
  const builtin = names.functions.map(({ name }) => name).join(' ');
  const dialect = SQLDialect.define({ ...SPEC, builtin });
  const schema = Object.fromEntries(
    names.relations.map(({ name, columns }) => [name, columns.map(columnCompletion)]),
  );
  const sources = [
    schemaCompletionSource({ dialect, schema }),
    keywordCompletionSource(WORDS),
    (context: CompletionContext) => completeName(names, context),
  ];
  return new LanguageSupport(
    dialect.language,
    sources.map((autocomplete) => dialect.language.data.of({ autocomplete })),
  );
}

/** Columns of the relations that the statement names, or of all where it names none yet; and every function. */
export function completeName(names: Names, context: CompletionContext): CompletionResult | null {
  const word = context.matchBefore(/[\w$]+/);
  if (word === null && !context.explicit) return null;
  const from = word?.from ?? context.pos;
  const text = context.state.doc.toString();
  // After a dot come columns of one relation, which the language itself completes.
  if (text[from - 1] === '.' || /^\d/.test(word?.text ?? '')) return null;
  return { from, options: optionsFor(names, text), validFor: /^[\w$]*$/ };
}

export function optionsFor(names: Names, text: string): Completion[] {
  const words = new Set(text.toLowerCase().match(/[\w$]+/g));
  const named = names.relations.filter(({ name }) => words.has(name));
  const columns = new Map<string, Completion>();
  for (const { name: relation, columns: its } of named.length > 0 ? named : names.relations) {
    for (const column of its) {
      const known = columns.get(column.name);
      const detail = known === undefined ? `${column.type} · ${relation}` : `${known.detail}, ${relation}`;
      const said = new Set(
        `${known?.info ?? ''}\n${column.words}`.split('\n').filter((words) => words !== ''),
      );
      columns.set(column.name, { ...columnCompletion(column), detail, info: [...said].join('\n'), boost: 2 });
    }
  }
  const functions = names.functions.map(({ name, signature, words: info }) => ({
    label: name,
    type: 'function',
    detail: signature,
    info,
    apply: `${name}(`,
    boost: -1,
  }));
  return [...columns.values(), ...functions];
}

function columnCompletion({ name, type, words }: NamedColumn): Completion {
  return { label: name, type: 'property', detail: type, info: words };
}
