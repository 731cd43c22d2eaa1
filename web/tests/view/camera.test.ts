import { describe, expect, test } from 'vitest';
import { Camera } from '../../src/view/camera';

const FRAME = { left: 100, top: 50, width: 800, height: 400 };
const BOUNDS = { x: 0, y: 0, size: 500, spanMin: 5, spanMax: 600 };
const camera = new Camera({ x: 250, y: 250, span: 100 }, FRAME);

describe('Camera', () => {
  test('shows its centre in the middle of the frame, and the span along the shorter side', () => {
    expect(camera.toScreen({ x: 250, y: 250 })).toEqual({ x: 500, y: 250 });
    expect(camera.toScreen({ x: 250, y: 200 })).toEqual({ x: 500, y: 50 });
    expect(camera.pixelsPerUnit).toBe(4);
  });

  test('screen and plane are each other’s inverse', () => {
    const point = camera.toPlane({ x: 137, y: 311 });
    expect(camera.toScreen(point).x).toBeCloseTo(137);
    expect(camera.toScreen(point).y).toBeCloseTo(311);
    expect(camera.origin).toEqual(camera.toScreen({ x: 0, y: 0 }));
  });

  test('what is dragged stays under the finger', () => {
    const grabbed = camera.toPlane({ x: 300, y: 200 });
    const dragged = camera.dragged(40, -8);
    expect(dragged.toScreen(grabbed)).toEqual({ x: 340, y: 192 });
  });

  test('zooming keeps the point under the pointer', () => {
    const pixel = { x: 220, y: 330 };
    const before = camera.toPlane(pixel);
    const zoomed = camera.zoomed(3, pixel, BOUNDS);
    expect(zoomed.sight.span).toBeCloseTo(100 / 3);
    expect(zoomed.toPlane(pixel).x).toBeCloseTo(before.x);
    expect(zoomed.toPlane(pixel).y).toBeCloseTo(before.y);
  });

  test('zooming ends at the bounds, without drifting there', () => {
    const closest = camera.zoomed(1000, { x: 220, y: 330 }, BOUNDS);
    expect(closest.sight.span).toBe(5);
    expect(closest.zoomed(2, { x: 700, y: 80 }, BOUNDS).sight).toEqual(closest.sight);
    expect(camera.zoomed(0.0001, { x: 0, y: 0 }, BOUNDS).sight.span).toBe(600);
  });

  test('stays over its bounds', () => {
    expect(camera.at({ x: -90, y: 900, span: 9999 }).within(BOUNDS).sight).toEqual({
      x: 0,
      y: 500,
      span: 600,
    });
  });

  test('keeps its sight through another frame', () => {
    const narrow = camera.through({ left: 0, top: 0, width: 200, height: 900 });
    expect(narrow.sight).toEqual(camera.sight);
    expect(narrow.pixelsPerUnit).toBe(2);
  });
});
