import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { heldToken, takeToken } from '../../src/source/token';

const kept = new Map<string, string>();
const address = { hash: '', pathname: '/', search: '' };
const replaceState = vi.fn();

beforeEach(() => {
  kept.clear();
  replaceState.mockClear();
  vi.stubGlobal('location', address);
  vi.stubGlobal('history', { replaceState });
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
});

afterEach(() => vi.unstubAllGlobals());

test('a token leaves the address and stays with the tab', () => {
  address.hash = '#token=wv_a-B_1';
  takeToken();
  expect(heldToken()).toBe('wv_a-B_1');
  expect(replaceState).toHaveBeenCalledWith(null, '', '/');
  address.hash = '#/system/7';
  takeToken();
  expect(heldToken()).toBe('wv_a-B_1');
});

test.each(['', '#/', '#/system/7', '#token=', '#token=a b', '#/token=abc'])('%s holds no token', (hash) => {
  address.hash = hash;
  takeToken();
  expect(heldToken()).toBeNull();
  expect(replaceState).not.toHaveBeenCalled();
});
