/** A colour that depends on a name alone. */
export function strategyHue(name: string): number {
  const hash = hashOf(name);
  // Hue from the whole circle; two steps of lightness and chroma keep near hues apart.
  const hue = (hash & 0xffff) / 0x10000;
  const step = (hash >>> 16) & 1;
  return fromOklch(step === 0 ? 0.79 : 0.7, step === 0 ? 0.14 : 0.17, hue * 360);
}

/** FNV-1a, then mixed to the last bit. */
const SEED = 0x811c9dc5;

function hashOf(text: string): number {
  let hash = SEED;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * OKLCH to sRGB as 0xRRGGBB: equal lightness looks equally bright in every hue. What sRGB cannot show is clipped.
 * B. Ottosson, A perceptual color space for image processing, 2020.
 */
export function fromOklch(lightness: number, chroma: number, hueDegrees: number): number {
  const hue = (hueDegrees * Math.PI) / 180;
  const a = chroma * Math.cos(hue);
  const b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return (
    (toByte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s) << 16) |
    (toByte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s) << 8) |
    toByte(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s)
  );
}

function toByte(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(Math.min(Math.max(value, 0), 1) * 255);
}

/** `share` 0 gives `from`, 1 gives `to`. */
export function mixed(from: number, to: number, share: number): number {
  const channel = (shift: number): number => {
    const a = (from >> shift) & 0xff;
    const b = (to >> shift) & 0xff;
    return Math.round(a + (b - a) * share) << shift;
  };
  return channel(16) | channel(8) | channel(0);
}

export function toCss(colour: number): string {
  return `#${colour.toString(16).padStart(6, '0')}`;
}
