import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rangesUnder, scrollSpeed } from "../src/band";
import { MAX_RANGES } from "../src/protocol";
import { isWithin } from "../src/ranges";
import { layoutGrid, rowTop } from "../src/virtual";

const SIZE = { count: 23, width: 800, height: 560, size: 144, gap: 12, caption: 42 };
const layout = layoutGrid(SIZE); // five columns of 145 pixels, 157 apart; rows 199 apart

describe("what is under a rubber band", () => {
  const under = (left: number, top: number, right: number, bottom: number) =>
    rangesUnder(layout, { left, top, right, bottom });

  it("is what it touches", () => {
    expect(under(20, 20, 21, 21)).toEqual([[0, 1]]);
    expect(under(160, 30, 340, 230)).toEqual([
      [1, 3],
      [6, 8],
    ]);
  });

  it("is nothing in a gap, left and right of the cards or below them", () => {
    expect(under(158, 20, 168, 400)).toEqual([]);
    expect(under(0, 200, 800, 210)).toEqual([]);
    expect(under(0, 0, 11, 900)).toEqual([]);
    expect(under(0, 5000, 800, 6000)).toEqual([]);
    expect(under(500, 12 + 4 * 199, 800, 12 + 4 * 199 + 10)).toEqual([]); // after the last of a short row
  });

  it("is one range where rows are taken whole", () => {
    expect(under(0, 20, 800, 650)).toEqual([[0, 20]]);
    expect(under(0, 0, 800, 5000)).toEqual([[0, 23]]);
  });

  it("is found in the group view too", () => {
    const grouped = layoutGrid({ ...SIZE, count: 12, groups: Int32Array.of(4, 2, 6) });
    const box = { left: 180, right: 500, top: 20, bottom: 20 + 3 * 199 };
    expect(rangesUnder(grouped, box)).toEqual([
      [1, 4],
      [5, 6],
      [7, 10],
    ]);
  });

  it("is the same as what each card says of itself", () => {
    const x = fc.integer({ min: -50, max: 850 });
    const y = fc.integer({ min: -50, max: 1200 });
    const groups = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.option(groups), x, x, y, y, (sizes, x0, x1, y0, y1) => {
        const shown = sizes ? layoutGrid({ ...SIZE, groups: Int32Array.from(sizes) }) : layout;
        const box = {
          left: Math.min(x0, x1),
          right: Math.max(x0, x1),
          top: Math.min(y0, y1),
          bottom: Math.max(y0, y1),
        };
        const ranges = rangesUnder(shown, box);
        for (let position = 0; position < shown.count; position++) {
          const row = shown.arrangement.rowOf(position);
          const left = shown.gap + (position - shown.arrangement.first(row)) * (shown.cell + shown.gap);
          const top = rowTop(shown, row);
          const isUnder =
            left <= box.right &&
            left + shown.cell >= box.left &&
            top <= box.bottom &&
            top + shown.rowHeight - shown.gap >= box.top;
          expect(isWithin(ranges, position)).toBe(isUnder);
        }
        for (const [i, [start, stop]] of ranges.entries()) {
          expect(stop).toBeGreaterThan(start);
          expect(start).toBeGreaterThan(ranges[i - 1]?.[1] ?? -1);
        }
      }),
    );
  });

  it("is taken in whole rows where it would not fit into a message", () => {
    const large = layoutGrid({ ...SIZE, count: 1_000_000 });
    const at = (row: number) => rowTop(large, row) + 10;
    const box = { left: 180, right: 330 };
    expect(rangesUnder(large, { ...box, top: at(5), bottom: at(5 + MAX_RANGES - 1) })).toHaveLength(
      MAX_RANGES,
    );
    expect(rangesUnder(large, { ...box, top: at(5), bottom: at(5 + MAX_RANGES) })).toEqual([
      [25, 25 + 5 * (MAX_RANGES + 1)],
    ]);
  });
});

describe("scrolling under a rubber band", () => {
  it("starts near the edges and is the faster the further the mouse is past them", () => {
    expect(scrollSpeed(300, 560)).toBe(0);
    expect(scrollSpeed(10, 560)).toBeLessThan(0);
    expect(scrollSpeed(-100, 560)).toBeLessThan(scrollSpeed(10, 560));
    expect(scrollSpeed(600, 560)).toBeGreaterThan(scrollSpeed(555, 560));
    expect(scrollSpeed(555, 560)).toBeGreaterThan(0);
  });
});
