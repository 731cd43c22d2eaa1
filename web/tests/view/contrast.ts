/** WCAG 2.2, relative luminance and contrast ratio, against #04060c. */
export function contrastOnSky(colour: number): number {
  const luminance = (rgb: number): number => {
    const [r, g, b] = [16, 8, 0].map((shift) => {
      const value = ((rgb >> shift) & 0xff) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
  };
  return (luminance(colour) + 0.05) / (luminance(0x04060c) + 0.05);
}
