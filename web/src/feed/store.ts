import type { Question } from '../sql/question';

/** Past turns whose answers are kept: those last asked about. A turn can be as large as the universe's map. */
const PAST_TURNS_KEPT = 8;

/**
 * What the page has asked and been answered, live and of past turns. The answer about a past turn never changes, so it
 * stays true after the server has given the turn up.
 */
export class Store {
  /** By turn, null for live, the one last put at the end; then by what the answer is about. */
  private readonly turns = new Map<number | null, Map<string, unknown>>();

  /** `onPut` is told after every new answer. */
  constructor(private readonly onPut: () => void) {}

  /** The last answer about what the question is about, of its turn; null when there is none. */
  get<T>({ about, query }: Question<T>): T | null {
    return (this.turns.get(query.turn)?.get(about) as T | undefined) ?? null;
  }

  put<T>({ about, query }: Question<T>, value: T): void {
    const answers = this.turns.get(query.turn) ?? new Map<string, unknown>();
    answers.set(about, value);
    this.turns.delete(query.turn);
    this.turns.set(query.turn, answers);
    this.shed();
    this.onPut();
  }

  forget({ about, query }: Question<unknown>): void {
    this.turns.get(query.turn)?.delete(about);
  }

  private shed(): void {
    const past = [...this.turns.keys()].filter((turn) => turn !== null);
    for (const turn of past.slice(0, Math.max(0, past.length - PAST_TURNS_KEPT))) this.turns.delete(turn);
  }
}
