import { beforeEach, describe, expect, test } from 'vitest';
import { Helm, MAP_VIEW, systemView, toMapSight, toOwnSight } from '../../src/view/helm';

const FRAME = { left: 0, top: 0, width: 1000, height: 800 };
const MIDDLE = { x: 500, y: 400 };
const PLACE = { x: 120, y: 40 };
let helm: Helm;

beforeEach(() => {
  helm = new Helm(FRAME);
});

describe('Helm', () => {
  test('begins with the whole map', () => {
    expect(helm.camera.sight).toEqual(MAP_VIEW.whole);
    expect(helm.isWhole).toBe(true);
  });

  test('a flight starts with its first frame and ends at its goal', () => {
    helm.enter(systemView(PLACE));
    helm.fly(null);
    expect(helm.goal).toEqual(systemView(PLACE).whole);
    expect(helm.isFlying).toBe(true);
    helm.advance(90_000, 16);
    expect(helm.camera.sight.span).toBeCloseTo(MAP_VIEW.whole.span);
    expect(helm.advance(90_400, 16)).toBe(true);
    expect(helm.camera.sight.span).toBeLessThan(MAP_VIEW.whole.span);
    helm.advance(99_000, 16);
    expect(helm.camera.sight).toEqual(systemView(PLACE).whole);
    expect(helm.isFlying).toBe(false);
    expect(helm.advance(99_016, 16)).toBe(false);
  });

  test('a hand on the helm ends the flight', () => {
    helm.fly({ x: 10, y: 10, span: 20 });
    helm.drag(5, 5);
    expect(helm.isFlying).toBe(false);
    helm.fly({ x: 10, y: 10, span: 20 });
    helm.zoom(2, MIDDLE, null);
    expect(helm.isFlying).toBe(false);
  });

  test('a flight to where the camera is already is none', () => {
    helm.fly(null);
    expect(helm.isFlying).toBe(false);
  });

  test('zooming ends at the ends of the view', () => {
    helm.enter(systemView(PLACE));
    helm.jump(null);
    helm.zoom(0.9, MIDDLE, null);
    expect(helm.isWhole).toBe(false);
    helm.zoom(0.0001, MIDDLE, null);
    expect(helm.camera.sight.span).toBe(systemView(PLACE).bounds.spanMax);
    helm.zoom(10_000, MIDDLE, null);
    expect(helm.camera.sight.span).toBe(systemView(PLACE).bounds.spanMin);
  });

  test('looks at a point from as near as before', () => {
    const { span } = helm.camera.sight;
    helm.centre({ x: 300, y: 250 });
    expect(helm.camera.sight).toEqual({ x: 300, y: 250, span });
  });

  test('what the address asks for is held within the view', () => {
    helm.jump({ x: 9e9, y: -5, span: 1e9 });
    expect(helm.camera.sight).toEqual({ x: 500, y: 0, span: MAP_VIEW.bounds.spanMax });
  });
});

test('sights of a system are in its own cells', () => {
  const own = { x: 50, y: 25, span: 10 };
  const onMap = toMapSight(PLACE, own);
  expect(onMap).toEqual({ x: 120.5, y: 40.25, span: 0.1 });
  const back = toOwnSight(PLACE, onMap);
  expect(back.x).toBeCloseTo(50);
  expect(back.y).toBeCloseTo(25);
  expect(back.span).toBeCloseTo(10);
  expect(toMapSight(null, own)).toBe(own);
  expect(toOwnSight(null, own)).toBe(own);
});

test('a camera that creeps comes slowly closer once it has arrived, no closer than the view allows, until it is steered', () => {
  const helm = new Helm({ left: 0, top: 0, width: 100, height: 100 });
  helm.fly({ x: 100, y: 100, span: 50 });
  helm.creep();
  helm.advance(0, 16);
  helm.advance(9000, 16);
  expect(helm.camera.sight.span).toBe(50);
  expect(helm.advance(10_000, 1000)).toBe(true);
  expect(helm.camera.sight.span).toBeCloseTo(49.3, 1);
  expect(helm.camera.sight).toMatchObject({ x: 100, y: 100 });
  for (let i = 0; i < 1000; i += 1) helm.advance(11_000, 1000);
  expect(helm.camera.sight.span).toBe(MAP_VIEW.bounds.spanMin);
  helm.drag(0, 0);
  expect(helm.advance(12_000, 1000)).toBe(false);
});

test('a flight that is halted ends where it is', () => {
  const helm = new Helm({ left: 0, top: 0, width: 100, height: 100 });
  helm.fly({ x: 100, y: 100, span: 50 });
  helm.advance(0, 16);
  helm.advance(300, 16);
  const { sight } = helm.camera;
  helm.halt();
  expect(helm.advance(9000, 16)).toBe(false);
  expect(helm.camera.sight).toEqual(sight);
  expect(sight).not.toEqual({ x: 100, y: 100, span: 50 });
});
