/** Ranges of view positions. */

/** Positions `[start, stop)`. */
export type Range = readonly [start: number, stop: number];

/** Whether a position is in one of the ranges, which ascend. */
export function isWithin(ranges: readonly Range[], position: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.[1] ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.[0] ?? Number.POSITIVE_INFINITY) <= position;
}
