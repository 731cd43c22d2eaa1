import { HULL_BOX } from '../view/hulls';

/** Draws one picture, in white, in a box of its own from (0, 0). */
export type Pen = CanvasRenderingContext2D;

/** Light from the centre outwards, at even steps of the radius. */
export function fillRadial(pen: Pen, radius: number, alphas: readonly number[]): void {
  const gradient = pen.createRadialGradient(radius, radius, 0, radius, radius, radius);
  alphas.forEach((alpha, step) => {
    gradient.addColorStop(step / (alphas.length - 1), `rgba(255,255,255,${alpha})`);
  });
  pen.fillStyle = gradient;
  pen.fillRect(0, 0, radius * 2, radius * 2);
}

export function drawRing(pen: Pen): void {
  pen.strokeStyle = 'rgba(255,255,255,0.25)';
  pen.lineWidth = 16;
  circle(pen, 112);
  pen.strokeStyle = '#fff';
  pen.lineWidth = 5;
  circle(pen, 112);
}

function circle(pen: Pen, radius: number): void {
  pen.beginPath();
  pen.arc(128, 128, radius, 0, Math.PI * 2);
  pen.stroke();
}

export function drawHull(pen: Pen, hull: string): void {
  const half = new Path2D(hull);
  // One side lit, the other in shade: the ship has a back.
  pen.fillStyle = '#c9ced9';
  pen.fill(half);
  pen.save();
  pen.translate(0, HULL_BOX);
  pen.scale(1, -1);
  pen.fillStyle = '#ffffff';
  pen.fill(half);
  pen.restore();
  pen.fillStyle = 'rgba(10,14,24,0.4)';
  pen.beginPath();
  pen.ellipse(150, 128, 24, 7, 0, 0, Math.PI * 2);
  pen.fill();
}

export function drawGuns(pen: Pen): void {
  pen.fillStyle = '#fff';
  for (const sign of [-1, 1]) {
    pen.fillRect(84, 128 + sign * 62 - 5, 96, 10);
    pen.fillRect(84, 128 + sign * 62 - 9, 40, 18);
  }
}

export function drawFlame(pen: Pen): void {
  const gradient = pen.createLinearGradient(0, 0, 256, 0);
  gradient.addColorStop(0, 'rgba(255,255,255,0)');
  gradient.addColorStop(0.7, 'rgba(255,255,255,0.4)');
  gradient.addColorStop(1, 'rgba(255,255,255,0.95)');
  pen.fillStyle = gradient;
  pen.filter = 'blur(3px)';
  pen.beginPath();
  pen.moveTo(8, 32);
  pen.quadraticCurveTo(170, 6, 248, 14);
  pen.lineTo(248, 50);
  pen.quadraticCurveTo(170, 58, 8, 32);
  pen.fill();
}

export function drawBeam(pen: Pen): void {
  const gradient = pen.createLinearGradient(0, 0, 0, 32);
  const steps: [number, number][] = [
    [0, 0],
    [0.35, 0.15],
    [0.47, 1],
    [0.53, 1],
    [0.65, 0.15],
    [1, 0],
  ];
  for (const [at, alpha] of steps) gradient.addColorStop(at, `rgba(255,255,255,${alpha})`);
  pen.fillStyle = gradient;
  pen.fillRect(0, 0, 128, 32);
}

export function drawGlint(pen: Pen): void {
  fillRadial(pen, 64, [0.9, 0.16, 0.05, 0.01, 0]);
  pen.fillStyle = '#fff';
  for (const [wide, high] of [
    [62, 3.2],
    [3.2, 62],
  ] as const) {
    pen.beginPath();
    pen.moveTo(64 - wide, 64);
    pen.quadraticCurveTo(64, 64, 64, 64 - high);
    pen.quadraticCurveTo(64, 64, 64 + wide, 64);
    pen.quadraticCurveTo(64, 64, 64, 64 + high);
    pen.quadraticCurveTo(64, 64, 64 - wide, 64);
    pen.fill();
  }
  fillCore(pen);
}

function fillCore(pen: Pen): void {
  pen.beginPath();
  pen.arc(64, 64, 6, 0, Math.PI * 2);
  pen.fill();
}
