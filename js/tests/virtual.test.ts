import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type GridSize,
  layoutGrid,
  MAX_SPACER,
  maxTop,
  moveBy,
  reveal,
  rowsNear,
  rowTop,
  toScroll,
  toVirtual,
} from "../src/virtual";

const SIZE: GridSize = { count: 100, width: 800, height: 560, size: 144, gap: 12, caption: 42 };

const sizes = fc.record({
  count: fc.integer({ min: 1, max: 1_000_000 }),
  width: fc.integer({ min: 50, max: 3000 }),
  height: fc.integer({ min: 100, max: 2000 }),
  size: fc.integer({ min: 96, max: 320 }),
  gap: fc.constant(12),
  caption: fc.constant(42),
});

describe("layout", () => {
  it("stretches cells to fill the width", () => {
    const layout = layoutGrid(SIZE);
    expect(layout).toMatchObject({ columns: 5, rows: 20, cell: 145, rowHeight: 199, scale: 1 });
    expect(layout.content).toBe(12 + 20 * 199);
    expect(layout.spacer).toBe(layout.content);
  });

  it("has no height without items", () => {
    expect(layoutGrid({ ...SIZE, count: 0 })).toMatchObject({ rows: 0, content: 0, spacer: 0, scale: 1 });
  });

  it("has one column where not even one fits", () => {
    expect(layoutGrid({ ...SIZE, width: 60 })).toMatchObject({ columns: 1, cell: 36, rows: 100 });
  });

  it("scales a million items down to a height that browsers can scroll", () => {
    const layout = layoutGrid({ ...SIZE, count: 1_000_000 });
    expect(layout.content).toBe(12 + 200_000 * 199);
    expect(layout.spacer).toBe(MAX_SPACER);
    expect(toVirtual(layout, MAX_SPACER - SIZE.height)).toBeCloseTo(maxTop(layout), 3);
    const { first, stop } = rowsNear(layout, maxTop(layout), 0);
    expect(stop).toBe(200_000);
    expect(stop - first).toBeLessThanOrEqual(4);
  });

  it("keeps cells within the width and the spacer within the limit", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const layout = layoutGrid(size);
        const used = layout.columns * layout.cell + (layout.columns - 1) * size.gap;
        expect(used).toBeLessThanOrEqual(Math.max(1, size.width - 2 * size.gap));
        expect(layout.rows * layout.columns).toBeGreaterThanOrEqual(size.count);
        expect((layout.rows - 1) * layout.columns).toBeLessThan(size.count);
        expect(layout.spacer).toBeLessThanOrEqual(MAX_SPACER);
        expect(layout.scale).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe("scrolling", () => {
  it("maps scroll offsets to virtual ones and back", () => {
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), (size, where) => {
        const layout = layoutGrid(size);
        const top = where * maxTop(layout);
        const scroll = toScroll(layout, top);
        expect(scroll).toBeLessThanOrEqual(Math.max(0, layout.spacer - size.height) + 1e-6);
        expect(toVirtual(layout, scroll)).toBeCloseTo(top, 4);
      }),
    );
  });

  it("finds exactly the rows that can be seen", () => {
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), (size, where) => {
        const layout = layoutGrid(size);
        const top = where * maxTop(layout);
        const { first, stop } = rowsNear(layout, top, 0);
        expect(stop).toBeGreaterThan(first);
        const isSeen = (row: number) =>
          rowTop(layout, row + 1) > top && rowTop(layout, row) < top + size.height && row < layout.rows;
        expect(isSeen(first) && isSeen(stop - 1)).toBe(true);
        expect(first === 0 || !isSeen(first - 1)).toBe(true);
        expect(isSeen(stop)).toBe(false);
      }),
    );
  });

  it("reveals a cell by moving as little as possible", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (size, n, where) => {
        const layout = layoutGrid(size);
        const index = n % size.count;
        const from = where * maxTop(layout);
        const top = reveal(layout, from, index);
        const rowStart = rowTop(layout, Math.floor(index / layout.columns));
        expect(rowStart).toBeGreaterThanOrEqual(top - 1e-6);
        if (layout.rowHeight + layout.gap <= size.height) {
          expect(rowStart + layout.rowHeight).toBeLessThanOrEqual(top + size.height + 1e-6);
        }
        expect(reveal(layout, top, index)).toBeCloseTo(top, 6);
      }),
    );
  });
});

describe("keys", () => {
  const layout = layoutGrid({ ...SIZE, count: 23 }); // five columns, three in the last row; two rows a page

  it.each([
    ["ArrowRight", 0, false, 1],
    ["ArrowRight", 22, false, 22],
    ["ArrowLeft", 5, false, 4],
    ["ArrowLeft", 0, false, 0],
    ["ArrowDown", 2, false, 7],
    ["ArrowDown", 19, false, 22],
    ["ArrowDown", 21, false, 21],
    ["ArrowUp", 7, false, 2],
    ["ArrowUp", 3, false, 3],
    ["PageDown", 1, false, 11],
    ["PageDown", 16, false, 22],
    ["PageUp", 13, false, 3],
    ["PageUp", 6, false, 1],
    ["Home", 13, false, 10],
    ["End", 11, false, 14],
    ["End", 20, false, 22],
    ["Home", 13, true, 0],
    ["End", 3, true, 22],
    ["x", 3, false, undefined],
  ])("%s from %i (ctrl: %s) goes to %s", (key, from, ctrl, to) => {
    expect(moveBy(layout, from, key, ctrl)).toBe(to);
  });

  it("stays within the grid", () => {
    const keys = fc.constantFrom(
      ...["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"],
    );
    fc.assert(
      fc.property(sizes, fc.nat(), keys, fc.boolean(), (size, n, key, ctrl) => {
        const target = moveBy(layoutGrid(size), n % size.count, key, ctrl);
        expect(target).toBeGreaterThanOrEqual(0);
        expect(target).toBeLessThan(size.count);
      }),
    );
  });
});
