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
