import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrange } from "../src/arrangement";
import {
  EDGE,
  follow,
  type GridSize,
  isStuck,
  type Layout,
  layoutGrid,
  MAX_SPACER,
  maxScroll,
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

const groupSizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 });

describe("arrangement", () => {
  it("starts every group on a row of its own, and wraps large ones", () => {
    const rows = arrange(11, 3, Int32Array.of(2, 7, 2));
    expect(rows).toMatchObject({ count: 11, rows: 5 });
    expect([0, 1, 2, 3, 4, 5].map(rows.first)).toEqual([0, 2, 5, 8, 9, 11]);
    expect([0, 1, 2, 3, 4].map(rows.startsGroup)).toEqual([true, true, false, false, true]);
  });

  it("knows the row of every position, and the positions of every row", () => {
    fc.assert(
      fc.property(groupSizes, fc.integer({ min: 1, max: 9 }), (sizes, columns) => {
        const rows = arrange(0, columns, Int32Array.from(sizes));
        const seen: number[] = [];
        for (let row = 0; row < rows.rows; row++) {
          expect(rows.first(row + 1) - rows.first(row)).toBeGreaterThan(0);
          expect(rows.first(row + 1) - rows.first(row)).toBeLessThanOrEqual(columns);
          for (let position = rows.first(row); position < rows.first(row + 1); position++) {
            expect(rows.rowOf(position)).toBe(row);
            seen.push(position);
          }
        }
        expect(seen).toEqual(Array.from({ length: rows.count }, (_, i) => i));
        let start = 0;
        for (const size of sizes) {
          expect(rows.startsGroup(rows.rowOf(start)) && rows.first(rows.rowOf(start)) === start).toBe(true);
          start += size;
        }
      }),
    );
  });

  it("is kept while neither groups nor columns change", () => {
    const groups = Int32Array.of(2, 7, 2);
    const layout = layoutGrid({ ...SIZE, count: 11, groups });
    expect(layoutGrid({ ...SIZE, count: 11, groups, height: 300 }, layout).arrangement).toBe(
      layout.arrangement,
    );
    const narrower = layoutGrid({ ...SIZE, count: 11, groups, width: 500 }, layout);
    expect(narrower.arrangement.rows).toBe(5);
  });

  it("of half a million groups is quick", () => {
    const groups = new Int32Array(500_000).fill(2);
    const start = performance.now();
    const { arrangement } = layoutGrid({ ...SIZE, count: 1_000_000, groups });
    // 5 ms of processor time, 15 before the code is compiled; the limit leaves room for a busy machine.
    expect(performance.now() - start).toBeLessThan(200);
    expect(arrangement.rowOf(999_999)).toBe(499_999);
  });
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

  describe("of more than browsers can scroll", () => {
    const layout = layoutGrid({ ...SIZE, count: 1_000_000 });

    /** A browser that scrolls by what it is told, and a grid that follows it. */
    function scrolling(layout: Layout, top: number) {
      const state = { top, scroll: Math.round(toScroll(layout, top)) };
      return {
        state,
        by(delta: number) {
          const to = Math.max(0, Math.min(state.scroll + delta, maxScroll(layout)));
          const moved = to - state.scroll;
          state.top = follow(layout, state.top, state.scroll, to);
          state.scroll = to;
          if (isStuck(layout, state.top, to)) this.rest();
          return moved;
        },
        rest() {
          state.scroll = Math.round(toScroll(layout, state.top));
        },
      };
    }

    it("moves by the sum of all that the wheel does, stopping at the ends", () => {
      const wheel = fc.array(fc.integer({ min: -SIZE.height + 1, max: SIZE.height - 1 }), { maxLength: 60 });
      fc.assert(
        fc.property(wheel, fc.integer({ min: 0, max: maxTop(layout) }), (deltas, start) => {
          const grid = scrolling(layout, start);
          for (const delta of deltas) {
            const before = grid.state.top;
            const moved = grid.by(delta);
            expect(grid.state.top).toBeCloseTo(Math.max(0, Math.min(before + moved, maxTop(layout))), 6);
            const isAtEnd = grid.state.top === 0 || grid.state.top === maxTop(layout);
            if (moved !== delta)
              expect(isAtEnd || !isStuck(layout, grid.state.top, grid.state.scroll)).toBe(true);
          }
        }),
      );
    });

    it("loses nothing of the wheel near the ends, where both offsets agree", () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: -500, max: 300 }), { maxLength: 40 }), (deltas) => {
          const grid = scrolling(layout, EDGE / 2);
          let expected = EDGE / 2;
          for (const delta of deltas) {
            grid.by(delta);
            expected = Math.max(0, Math.min(expected + delta, maxTop(layout)));
            expect(grid.state.top).toBe(expected);
          }
        }),
      );
    });

    it.each([
      ["first", -1, 60 * EDGE],
      ["last", 1, maxTop(layout) - 60 * EDGE],
    ])("reaches the %s item by the wheel alone, without a rest", (_, direction, start) => {
      const grid = scrolling(layout, start);
      const end = direction < 0 ? 0 : maxTop(layout);
      let turns = 0;
      while (grid.state.top !== end && turns++ < 10_000) grid.by(direction * 120);
      expect(grid.state.top).toBe(end);
      expect(turns).toBeLessThan((60 * EDGE) / 120 + 10);
    });

    it("goes where the scrollbar is dragged to, both ends included", () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: maxScroll(layout) }), (to) => {
          const from = to > 5_000_000 ? 0 : maxScroll(layout);
          const top = follow(layout, toVirtual(layout, from), from, to);
          expect(Math.abs(top - toVirtual(layout, to))).toBeLessThanOrEqual(0.5);
        }),
      );
      expect(follow(layout, maxTop(layout), maxScroll(layout), 0)).toBe(0);
      expect(follow(layout, 0, 0, maxScroll(layout))).toBe(maxTop(layout));
    });

    it("takes a pixel of the scrollbar for no turn of the wheel", () => {
      const thumb = MAX_SPACER / SIZE.height;
      expect(follow(layout, 0, 0, thumb)).toBeCloseTo(toVirtual(layout, thumb), 0);
    });
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
    ["PageDown", 16, false, 21],
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

  it.each([
    ["ArrowDown", 3, 5], // from the fourth cell to the last of a shorter row
    ["ArrowUp", 7, 5],
    ["ArrowDown", 4, 6],
    ["ArrowDown", 10, 11], // into the second row of a large group
    ["PageDown", 4, 11],
    ["PageUp", 11, 4],
    ["End", 6, 10],
    ["Home", 9, 6],
    ["End", 11, 11],
    ["ArrowRight", 5, 6],
  ])("%s in the group view, from %i to %i", (key, from, to) => {
    const grouped = layoutGrid({ ...SIZE, count: 12, groups: Int32Array.of(4, 2, 6) });
    expect(moveBy(grouped, from, key, false)).toBe(to);
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
    fc.assert(
      fc.property(sizes, groupSizes, fc.nat(), keys, fc.boolean(), (size, groups, n, key, ctrl) => {
        const layout = layoutGrid({ ...size, groups: Int32Array.from(groups) });
        const target = moveBy(layout, n % layout.count, key, ctrl);
        expect(target).toBeGreaterThanOrEqual(0);
        expect(target).toBeLessThan(layout.count);
      }),
    );
  });
});
