const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

export function count(value: number): string {
  return whole.format(value);
}

/** 12,345 in full; from a million on in three digits: 2.95M. */
export function short(value: number): string {
  return Math.abs(value) < 1e6 ? whole.format(value) : compact.format(value);
}

/** For narrow columns, in three digits from ten thousand on: 216K. */
export function brief(value: number): string {
  return Math.abs(value) < 1e4 ? whole.format(value) : compact.format(value);
}

export function milliseconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} ms`;
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(2)} s`;
}

export function seconds(valueMs: number): string {
  return `${Number((valueMs / 1000).toFixed(2))} s`;
}

export function bytes(value: number): string {
  return value < 10_000 ? `${whole.format(value)} B` : `${whole.format(value / 1000)} kB`;
}

/** A share of 1: 4.2 %, 42 %. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} %`;
}
