import type { Mark } from '../sql/ship';
import type { SystemState } from '../sql/system';

/** For each ship: enough for its sparklines, and little enough for hours. */
const MARKS_KEPT = 120;
/** Whoever has not been seen for so many turns is forgotten. */
const TURNS_KEPT = 240;

/** What answers have said of the ships of one system, turn by turn. It holds at most `MARKS_KEPT` turns of each. */
export class Tracks {
  private readonly marks = new Map<number, Mark[]>();

  clear(): void {
    this.marks.clear();
  }

  /** Takes in the state at the end of one turn. */
  take(state: SystemState): void {
    if (state.turn === null) return;
    for (const { eid, kind, x, y, energy, shield } of state.entities)
      if (kind === 'ship') this.add(eid, [{ tid: state.turn, x, y, energy, shield }]);
    for (const [eid, marks] of this.marks)
      if ((marks.at(-1)?.tid ?? 0) < state.turn - TURNS_KEPT) this.marks.delete(eid);
  }

  /** Takes in what is known of one ship; of a turn that is known nothing changes. */
  add(eid: number, marks: readonly Mark[]): void {
    const known = this.marks.get(eid) ?? [];
    const last = known.at(-1);
    const [first] = marks;
    if (marks.length === 1 && first !== undefined && (last === undefined || first.tid > last.tid)) {
      known.push(first);
    } else {
      const tids = new Set(known.map(({ tid }) => tid));
      known.push(...marks.filter(({ tid }) => !tids.has(tid)));
      known.sort((a, b) => a.tid - b.tid);
    }
    known.splice(0, Math.max(0, known.length - MARKS_KEPT));
    this.marks.set(eid, known);
  }

  /** Of one ship up to a turn, the oldest first: the marks of turns that follow each other without a gap of more than `gap`. */
  of(eid: number, turn: number | null, gap = 8): readonly Mark[] {
    const known = (this.marks.get(eid) ?? []).filter(({ tid }) => turn === null || tid <= turn);
    let start = known.length - 1;
    while (start > 0 && (known[start]?.tid ?? 0) - (known[start - 1]?.tid ?? 0) <= gap) start -= 1;
    return known.slice(Math.max(start, 0));
  }
}
