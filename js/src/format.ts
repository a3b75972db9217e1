/** Numbers and words as the gallery shows them. */

const integers = new Intl.NumberFormat("en-US");

/** `60000` as "60,000". */
export function formatCount(n: number): string {
  return integers.format(n);
}

/** `formatCount` with a noun: "1 image", "60,000 images". */
export function formatItems(n: number, noun = "image"): string {
  return `${formatCount(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** A metric with about five digits, four decimals below 10; "–" where it is missing. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return integers.format(Math.round(value));
  const text = value.toFixed(size < 10 ? 4 : size < 100 ? 3 : 2);
  return text === "-0.0000" ? "0.0000" : text;
}

/** All of the digits that a float32, as which metrics are kept, has: "0.43161342" and not its 17 digits as float64. */
export function formatExact(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

const significant = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });

/** A distance with four significant digits however small it is: "0.00005". */
export function formatDistance(value: number): string {
  return significant.format(value);
}

/** The size of a file: "2.5 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return formatItems(bytes, "byte");
  const [unit, name] = bytes < 999_500 ? [1e3, "kB"] : [1e6, "MB"];
  const size = bytes / unit;
  return `${size < 99.95 ? Number(size.toFixed(1)) : formatCount(Math.round(size))} ${name}`;
}

/** The size of an image: "4,000 × 3,000 px". */
export function formatPixels(width: number, height: number): string {
  return `${formatCount(width)} × ${formatCount(height)} px`;
}
