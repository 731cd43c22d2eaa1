import type { LifeEvent } from '../sql/ship';

/** One line of a ship's life. */
export interface LifeLine {
  readonly tid: number;
  readonly kind: string;
  readonly text: string;
}

/** What has happened to a ship in words, the newest first; what is no news to people is left out. */
export function lifeOf(events: readonly LifeEvent[]): LifeLine[] {
  const ends = new Set(
    events.filter(({ kind }) => kind === 'kill' || kind === 'death').map(({ tid }) => tid),
  );
  return events.flatMap((event) => {
    // How a fight ended says that there was one.
    const text = event.kind === 'battle' && ends.has(event.tid) ? null : textOf(event);
    return text === null ? [] : [{ tid: event.tid, kind: event.kind, text }];
  });
}

function textOf({ kind, x, y, other, name }: LifeEvent): string | null {
  const where = `at ${x}, ${y}`;
  const whom = [name, other].filter((part) => part !== null).join(' of ');
  switch (kind) {
    case 'spawn':
      return `Born ${where}`;
    case 'battle':
      return `Fought ${other ?? 'others'} ${where}`;
    case 'kill':
      return `Felled ${whom} ${where}`;
    case 'death':
      return whom === '' ? `Fell ${where}` : `Felled by ${whom} ${where}`;
    case 'starve':
      return `Ran out of energy ${where}`;
    case 'fault':
      return 'Its strategy failed, so it held';
    default:
      return null;
  }
}
