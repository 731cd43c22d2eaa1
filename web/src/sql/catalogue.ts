import { type Answer, readRows } from '../source/answer';
import type { Query } from '../source/request';

/** One thing that a statement may name. */
export interface CatalogueEntry {
  readonly sort: 'column' | 'function' | 'wasm' | 'strategy';
  /** Of a column, its relation. */
  readonly relation: string | null;
  readonly name: string;
  /** A column's type; what stands between a function's parentheses, then what it gives. */
  readonly detail: string;
  /** What a column means, and its unit; what a function does, and an example. */
  readonly words: string;
}

/** A function has a row for each list of parameters; which of them is shown matters little. */
export const CATALOGUE: Query = {
  sql: `select 'column' as sort, table_name as relation, column_name as name, data_type as detail,
  column_comment || if(column_unit = '', '', ' (' || column_unit || ')') as words
from (select * from information_schema.columns order by table_name, ordinal_position)
union all
select 'function', null, lower(routine_name), '(' || min(parameters) || ')' || if(any_value(data_type) = '', '', ' → ' || any_value(data_type)),
  coalesce(any_value(routine_comment), '') || coalesce(chr(10) || any_value(example), '')
from information_schema.routines group by lower(routine_name)
union all
select 'wasm', null, name, signature, 'A Wasm function' || coalesce(' by ' || author, '') || coalesce(', in ' || language, '') || '.'
from wasm_function where is_current
union all
select 'strategy', null, name, '(kind, x, y, energy, shield, blasters, thrusters, harvesters, last_plan, system) → UBIGINT',
  'What this strategy would do, as a plan:' || chr(10) || 'decode_plan(' || name || '(..., last_plan, sight(sid, eid, x, y)))'
from strategy where status <> 'removed'`,
  args: [],
  turn: null,
};

export function readCatalogue(answer: Answer): CatalogueEntry[] {
  return readRows(answer, (row) => ({
    sort: row.text('sort') as CatalogueEntry['sort'],
    relation: row.textOrNull('relation'),
    name: row.text('name'),
    detail: row.text('detail'),
    words: row.text('words'),
  }));
}
