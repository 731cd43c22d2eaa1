import { expect, test } from 'vitest';
import { inRem } from '../rem';

test('lengths grow with the letters, hairs and what is no length in pixels do not', () => {
  expect(inRem('12px')).toBe('0.75rem');
  expect(inRem('-17px 0.5px 1px 2px')).toBe('-1.0625rem 0.5px 1px 2px');
  expect(inRem('clamp(290px, 27vw, 344px)')).toBe('clamp(18.125rem, 27vw, 21.5rem)');
  expect(inRem('0 0 8px rgb(1 2 3 / 0.5)')).toBe('0 0 0.5rem rgb(1 2 3 / 0.5)');
  expect(inRem('url(a12px.svg) 1.5rem')).toBe('url(a12px.svg) 1.5rem');
});
