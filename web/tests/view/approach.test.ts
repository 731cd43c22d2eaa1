import { describe, expect, test } from 'vitest';
import { ENTER_SPAN, Glide, LEAVE_SPAN } from '../../src/view/approach';
import { Helm, MAP_VIEW, systemView } from '../../src/view/helm';

const FRAME = { left: 0, top: 0, width: 1200, height: 800 };
const STAR = { x: 300, y: 120 };

describe('coming closer', () => {
  test.each([
    ['next to the star', { x: 610, y: 410 }, { x: 300.1, y: 120, span: 60 }],
    ['far from any star', { x: 40, y: 700 }, { x: 280, y: 140, span: 60 }],
    ['from the whole map', { x: 900, y: 300 }, MAP_VIEW.whole],
  ])('%s, the way leads to it without a leap', (_, pixel, sight) => {
    const helm = new Helm(FRAME);
    helm.jump(sight);
    let steps = 0;
    while (helm.camera.sight.span > ENTER_SPAN) {
      const before = helm.camera.toScreen(STAR);
      const { span } = helm.camera.sight;
      helm.zoom(1.1, pixel, STAR);
      const after = helm.camera.toScreen(STAR);
      // Without the pull the star would go away from the pixel by a tenth.
      const free = { x: pixel.x + (before.x - pixel.x) * 1.1, y: pixel.y + (before.y - pixel.y) * 1.1 };
      expect(Math.hypot(after.x - free.x, after.y - free.y)).toBeLessThan(400);
      expect(helm.camera.sight.span).toBeLessThan(span);
      steps += 1;
    }
    expect(steps).toBeLessThan(60);
    const star = helm.camera.toScreen(STAR);
    expect(Math.hypot(star.x - pixel.x, star.y - pixel.y)).toBeLessThan(90);
    // In the system the camera goes on from where it is.
    const there = helm.camera.sight;
    helm.enter(systemView({ x: STAR.x - 0.5, y: STAR.y - 0.5 }));
    helm.zoom(1, pixel, null);
    expect(Math.hypot(helm.camera.sight.x - there.x, helm.camera.sight.y - there.y)).toBeLessThan(0.3);
  });

  test('far out the pointer alone decides', () => {
    const [free, led] = [new Helm(FRAME), new Helm(FRAME)];
    free.zoom(1.5, { x: 200, y: 200 }, null);
    led.zoom(1.5, { x: 200, y: 200 }, STAR);
    expect(led.camera.sight).toEqual(free.camera.sight);
  });
});

test('a hand that trembles between map and system stays where it is', () => {
  expect(LEAVE_SPAN / ENTER_SPAN).toBeGreaterThan(1.3);
  expect(systemView(STAR).bounds.spanMax).toBeGreaterThan(LEAVE_SPAN);
  expect(MAP_VIEW.bounds.spanMin).toBeLessThan(ENTER_SPAN);
});

describe('Glide', () => {
  test('goes all of the way, most of it first', () => {
    const glide = new Glide();
    glide.add(2, { x: 1, y: 1 });
    glide.add(1.5, { x: 2, y: 2 });
    expect(glide.pixel).toEqual({ x: 2, y: 2 });
    const factors = [];
    while (!glide.isOver && factors.length < 200) factors.push(glide.step(16));
    expect(factors.reduce((a, b) => a * b, 1)).toBeCloseTo(3);
    expect(factors.length).toBeGreaterThan(10);
    expect(factors[0]).toBeGreaterThan(factors[8] ?? 9);
  });

  test('turns at once', () => {
    const glide = new Glide();
    glide.add(4, { x: 0, y: 0 });
    glide.add(0.5, { x: 0, y: 0 });
    expect(glide.step(Number.POSITIVE_INFINITY)).toBeCloseTo(0.5);
    expect(glide.isOver).toBe(true);
  });
});
