export interface Example {
  readonly title: string;
  /** What it teaches, in a line. */
  readonly words: string;
  readonly sql: string;
  readonly args?: string;
}

/** From the first SELECT to other strategies' thoughts: each adds one idea to the one before it. */
export const EXAMPLES: readonly Example[] = [
  {
    title: 'The strongest ships',
    words:
      'One relation has everything that flies and everything that can be eaten. Click an eid to fly there.',
    sql: `select eid, sid, strategy, energy, shield, blasters, thrusters, harvesters
from entity
where kind = 1
order by energy desc
limit 20`,
  },
  {
    title: 'Who is winning',
    words: 'Groups and shares. Press Live, and it is answered again after every turn.',
    sql: `select strategy, count(*) as ships, sum(energy) as energy,
  round(100.0 * sum(energy) / sum(sum(energy)) over (), 1) as percent
from entity
where kind = 1
group by strategy
order by energy desc`,
  },
  {
    title: 'Energy over the last turns',
    words: 'History is a relation too. One click on Chart draws a line for each strategy.',
    sql: `select tid, strategy, energy, ships
from strategy_turn
where tid > (select max(tid) from turns) - 120
order by tid`,
  },
  {
    title: 'One system, as an argument',
    words: 'Each ? takes a value, from the field below: write another number there and run it again.',
    sql: `select eid, strategy, x, y, energy, decode_plan(last_plan) as plan
from entity
where sid = ? and kind = 1
order by energy desc`,
    args: '[7]',
  },
  {
    title: 'The fiercest battles',
    words: 'A join of what happened with where it happened. Click a sid to watch.',
    sql: `select e.sid, s.x, s.y, count(*) filter (where e.kind = 'battle') as hits,
  count(*) filter (where e.kind = 'death') as deaths
from event e join solar_system s using (sid)
where e.tid > (select max(tid) from turns) - 10
group by e.sid, s.x, s.y
having hits > 0
order by deaths desc, hits desc
limit 20`,
  },
  {
    title: 'Who kills whom',
    words: 'PIVOT turns one column into many: victims down, killers across.',
    sql: `pivot (
  select strategy as victim, by_strategy as killer from event
  where kind = 'death' and by_strategy is not null
)
on killer using count(*)
group by victim
order by victim`,
  },
  {
    title: 'Gaining or losing',
    words: 'A window function sets each turn beside the one before it.',
    sql: `select tid, strategy, energy,
  energy - lag(energy) over (partition by strategy order by tid) as gained,
  rank() over (partition by tid order by energy desc) as place
from strategy_turn
where tid > (select max(tid) from turns) - 30
order by tid desc, place`,
  },
  {
    title: 'What would another do?',
    words:
      'Every strategy is a function, run as WebAssembly in the query: here it flies the ships of others.',
    sql: `select eid, strategy, decode_plan(last_plan) as did,
  decode_plan(strategy_flee(kind, x, y, energy, shield, blasters, thrusters, harvesters,
    last_plan, sight(sid, eid, x, y))) as would_flee_to
from entity
where sid = ? and kind = 1`,
    args: '[7]',
  },
  {
    title: 'Wasm functions that you can call',
    words: 'Anybody may add a function of SQL, in any language. This lists those of this server.',
    sql: `select name, kind, signature, language, author, calls, rows, nanoseconds_per_row
from wasm_function
where is_current
order by name`,
  },
  {
    title: 'The same question about the past',
    words:
      'Add turn= to the address (or step back on the time line): this then tells of that turn, as it was.',
    sql: `select max(tid) as turn, max_by(ships, tid) as ships, max_by(kills, tid) as kills,
  max_by(writes, tid) as rows_written
from turns`,
  },
];
