/**
 * Where the rows of a virtualised grid are: pure arithmetic, no DOM.
 *
 * Browsers stop at some 17 to 33 million pixels of height, so the element that is scrolled (the spacer) is never
 * higher than `MAX_SPACER`. *Virtual* offsets count from the top of all rows at full height; *scroll* offsets are the
 * browser's. Below the limit they are the same. Above it they are the same distance from either end within `EDGE`, so
 * that the ends are reached by the wheel, and one is a multiple of the other in between.
 */

import { type Arrangement, arrange } from "./arrangement";

export const MAX_SPACER = 10_000_000;
export const EDGE = 10_000;

export interface GridSize {
  /** Number of cells. */
  count: number;
  /** Sizes of the groups that each start on a row of their own; they add up to `count`. */
  groups?: Int32Array | undefined;
  /** Size of the viewport, CSS pixels. */
  width: number;
  height: number;
  /** Smallest width of a cell; cells are stretched so that a row fills the width. */
  size: number;
  /** Space around and between cells. */
  gap: number;
  /** Height of the text below the (square) picture of a cell. */
  caption: number;
}

export interface Layout {
  readonly arrangement: Arrangement;
  readonly count: number;
  readonly columns: number;
  readonly rows: number;
  readonly gap: number;
  /** Width of a cell. */
  readonly cell: number;
  /** Distance from one row to the next. */
  readonly rowHeight: number;
  readonly viewport: number;
  /** Virtual height of everything. */
  readonly content: number;
  /** Height of the scrolled element. */
  readonly spacer: number;
  /** Virtual pixels a scrolled pixel, further than `EDGE` from either end. */
  readonly scale: number;
}

/** @param before The layout until now: what stands in which row is taken from it where it is still right. */
export function layoutGrid(
  { count, groups, width, height, size, gap, caption }: GridSize,
  before?: Layout,
): Layout {
  const inner = Math.max(0, width - 2 * gap);
  const columns = Math.max(1, Math.floor((inner + gap) / (size + gap)));
  const cell = Math.max(1, Math.floor((inner - (columns - 1) * gap) / columns));
  const rowHeight = cell + caption + gap;
  const known = before?.arrangement;
  const isKnown = known && groups && known.groups === groups && known.columns === columns;
  const arrangement = isKnown ? known : arrange(count, columns, groups);
  const { rows } = arrangement;
  const content = rows === 0 ? 0 : gap + rows * rowHeight;
  const spacer = Math.min(content, MAX_SPACER);
  const scale = spacer < content ? (content - height - 2 * EDGE) / (spacer - height - 2 * EDGE) : 1;
  return {
    arrangement,
    count: arrangement.count,
    columns,
    rows,
    gap,
    cell,
    rowHeight,
    viewport: height,
    content,
    spacer,
    scale,
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

/** The furthest that the grid can be scrolled, as a virtual offset. */
export function maxTop(layout: Layout): number {
  return Math.max(0, layout.content - layout.viewport);
}

/** The furthest that the grid can be scrolled, as a scroll offset. */
export function maxScroll(layout: Layout): number {
  return Math.max(0, layout.spacer - layout.viewport);
}

/** The virtual offset of the viewport's top edge at a scroll offset. */
export function toVirtual(layout: Layout, scrollTop: number): number {
  const scroll = clamp(scrollTop, 0, maxScroll(layout));
  const left = maxScroll(layout) - scroll;
  if (scroll <= EDGE || layout.scale === 1) return scroll;
  return left <= EDGE ? maxTop(layout) - left : EDGE + (scroll - EDGE) * layout.scale;
}

/** The scroll offset that shows a virtual offset at the viewport's top edge. */
export function toScroll(layout: Layout, virtualTop: number): number {
  const top = clamp(virtualTop, 0, maxTop(layout));
  const left = maxTop(layout) - top;
  if (top <= EDGE || layout.scale === 1) return top;
  return left <= EDGE ? maxScroll(layout) - left : EDGE + (top - EDGE) / layout.scale;
}

/**
 * Where the viewport's top edge is, as a virtual offset, after the browser has scrolled.
 *
 * Wheel, trackpad and keys move what is shown pixel by pixel. The smallest movement of the scrollbar's thumb is so much
 * further that it can be told from them: it goes to the place that the scroll offset stands for.
 *
 * @param top Where it was, as a virtual offset.
 * @param from Where it was, as a scroll offset.
 * @param to The scroll offset now.
 */
export function follow(layout: Layout, top: number, from: number, to: number): number {
  if (layout.scale === 1) return toVirtual(layout, to);
  const by = to - from;
  // A quarter of a pixel of the thumb: the finest that a dense screen can do.
  const furthest = Math.max(layout.viewport, layout.spacer / (4 * layout.viewport));
  if (Math.abs(by) < furthest) return clamp(top + by, 0, maxTop(layout));
  return to + Math.round(toVirtual(layout, to) - to); // whole pixels apart: images stay sharp
}

/** Whether the browser cannot scroll on although there is more to show: the scroll offset has to be set anew. */
export function isStuck(layout: Layout, top: number, scrollTop: number): boolean {
  if (layout.scale === 1) return false;
  return (scrollTop < 1 && top >= 1) || (scrollTop > maxScroll(layout) - 1 && top <= maxTop(layout) - 1);
}

/** The virtual offset of a row's top edge. */
export function rowTop(layout: Layout, row: number): number {
  return layout.gap + row * layout.rowHeight;
}

/** Rows `[first, stop)`. */
export interface RowRange {
  readonly first: number;
  readonly stop: number;
}

export function isIn({ first, stop }: RowRange, row: number): boolean {
  return row >= first && row < stop;
}

/** The rows of which a part lies within `overscan` pixels of the viewport. */
export function rowsNear(layout: Layout, top: number, overscan: number): RowRange {
  const first = Math.floor((top - overscan - layout.gap) / layout.rowHeight);
  const stop = Math.ceil((top + layout.viewport + overscan - layout.gap) / layout.rowHeight);
  return { first: clamp(first, 0, layout.rows), stop: clamp(stop, 0, layout.rows) };
}

/** The virtual offset nearest to `top` at which all of a cell can be seen. */
export function reveal(layout: Layout, top: number, position: number): number {
  const start = rowTop(layout, layout.arrangement.rowOf(position)) - layout.gap;
  const end = start + layout.rowHeight + layout.gap;
  const moved = Math.min(start, Math.max(top, end - layout.viewport));
  return clamp(moved, 0, maxTop(layout));
}

/** Where a key takes the focus from a position; `undefined` when the key does not move it. */
export function moveBy(layout: Layout, position: number, key: string, ctrl: boolean): number | undefined {
  const { arrangement, count, rows, rowHeight, viewport } = layout;
  const row = arrangement.rowOf(position);
  const start = arrangement.first(row);
  const page = Math.max(1, Math.floor(viewport / rowHeight));
  // Up and down keep the column as far as the other row goes: no key seems dead above a short row.
  const vertically = (by: number) => {
    const target = clamp(row + by, 0, rows - 1);
    return Math.min(arrangement.first(target) + position - start, arrangement.first(target + 1) - 1);
  };
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, position - 1);
    case "ArrowRight":
      return Math.min(count - 1, position + 1);
    case "ArrowUp":
      return vertically(-1);
    case "ArrowDown":
      return vertically(1);
    case "PageUp":
      return vertically(-page);
    case "PageDown":
      return vertically(page);
    case "Home":
      return ctrl ? 0 : start;
    case "End":
      return ctrl ? count - 1 : arrangement.first(row + 1) - 1;
    default:
      return undefined;
  }
}
