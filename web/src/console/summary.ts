import { bytes as bytesWords, count, milliseconds } from '../panel/format';
import type { Answer } from '../source/answer';

/** What an answer cost and to which turn it belongs, in one line. */
export function summaryOf(
  answer: Answer,
  { bytes, tookMs, isLive = false }: { bytes: number; tookMs?: number; isLive?: boolean },
): string {
  const rows = answer.rows.length;
  const cut = answer.cut === null ? '' : `, cut at the server’s limit of ${answer.cut}`;
  return [
    `${count(rows)} ${rows === 1 ? 'row' : 'rows'}${cut}`,
    bytesWords(bytes),
    tookMs === undefined ? null : milliseconds(tookMs),
    answer.turn === null ? null : `turn ${count(answer.turn)}`,
    isLive ? 'live' : null,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}
