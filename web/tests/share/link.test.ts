import { expect, test } from 'vitest';
import { MAP, readPlace, writePlace } from '../../src/place/place';
import { clipKind } from '../../src/share/clip';
import { embedCode, linkTo } from '../../src/share/link';

const PAGE = 'https://universe.example/?system=1&turn=2#/system/9';

test('a link names place and turn, before the # for the picture and after it for the page', () => {
  const place = {
    ...MAP,
    sid: 42,
    eid: 7,
    sight: { x: 1, y: 2, span: 3 },
    sheet: 'help' as const,
    isTouring: true,
  };
  expect(linkTo(PAGE, place, 1234)).toBe(
    'https://universe.example/?system=42&turn=1234#/system/42/entity/7?turn=1234&at=1,2,3',
  );
  expect(linkTo(PAGE, { ...place, turn: 99 }, 1234)).toContain('turn=99#');
  expect(linkTo('http://127.0.0.1:8000/#/', MAP, null)).toBe('http://127.0.0.1:8000/#/');
});

test('an embedded page keeps what it hides from step to step, and hides only what there is', () => {
  const place = readPlace('#/?tour&embed&hide=panels,news,everything');
  expect(place).toMatchObject({ isEmbedded: true, isTouring: true, hidden: ['panels', 'news'] });
  expect(writePlace({ ...place, sid: 3 })).toBe('#/system/3?tour&embed&hide=panels,news');
  expect(embedCode(PAGE)).toContain('src="https://universe.example/#/?tour&embed&hide=panels,news,time"');
});

test('a clip is of the first kind that the browser records', () => {
  expect(clipKind((kind) => kind.includes('webm'))).toBe('video/webm;codecs=vp8');
  expect(clipKind((kind) => kind.includes('mp4'))).toBe('video/mp4');
  expect(clipKind(() => false)).toBeNull();
});
