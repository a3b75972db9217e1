/**
 * Where the rows of a virtualised grid are: pure arithmetic, no DOM.
 *
 * Browsers stop at some 17 to 33 million pixels of height, so the element that is scrolled (the spacer) is never
 * higher than `MAX_SPACER`. *Virtual* offsets count from the top of all rows at full height; *scroll* offsets are the
 * browser's. Below the limit they are the same, above it one is a multiple of the other.
 */

export const MAX_SPACER = 10_000_000;

export interface GridSize {
  /** Number of cells. */
  count: number;
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
  /** Virtual pixels a scrolled pixel. */
  readonly scale: number;
}

export function layoutGrid({ count, width, height, size, gap, caption }: GridSize): Layout {
  const inner = Math.max(0, width - 2 * gap);
  const columns = Math.max(1, Math.floor((inner + gap) / (size + gap)));
  const cell = Math.max(1, Math.floor((inner - (columns - 1) * gap) / columns));
  const rowHeight = cell + caption + gap;
  const rows = Math.ceil(count / columns);
  const content = rows === 0 ? 0 : gap + rows * rowHeight;
  const spacer = Math.min(content, MAX_SPACER);
  const scale = spacer < content ? (content - height) / (spacer - height) : 1;
  return { count, columns, rows, gap, cell, rowHeight, viewport: height, content, spacer, scale };
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

/** The furthest that the grid can be scrolled, as a virtual offset. */
export function maxTop(layout: Layout): number {
  return Math.max(0, layout.content - layout.viewport);
}

/** The virtual offset of the viewport's top edge at a scroll offset. */
export function toVirtual(layout: Layout, scrollTop: number): number {
  return clamp(scrollTop * layout.scale, 0, maxTop(layout));
}

/** The scroll offset that shows a virtual offset at the viewport's top edge. */
export function toScroll(layout: Layout, top: number): number {
  return clamp(top, 0, maxTop(layout)) / layout.scale;
}

/** The virtual offset of a row's top edge. */
export function rowTop(layout: Layout, row: number): number {
  return layout.gap + row * layout.rowHeight;
}

/** Rows `[first, stop)` of which a part lies within `overscan` pixels of the viewport. */
export function rowsNear(layout: Layout, top: number, overscan: number): { first: number; stop: number } {
  const first = Math.floor((top - overscan - layout.gap) / layout.rowHeight);
  const stop = Math.ceil((top + layout.viewport + overscan - layout.gap) / layout.rowHeight);
  return { first: clamp(first, 0, layout.rows), stop: clamp(stop, 0, layout.rows) };
}

/** The virtual offset nearest to `top` at which all of a cell can be seen. */
export function reveal(layout: Layout, top: number, index: number): number {
  const start = rowTop(layout, Math.floor(index / layout.columns)) - layout.gap;
  const end = start + layout.rowHeight + layout.gap;
  const moved = Math.min(start, Math.max(top, end - layout.viewport));
  return clamp(moved, 0, maxTop(layout));
}

/** Where a key takes the focus from cell `index`; `undefined` when the key does not move it. */
export function moveBy(layout: Layout, index: number, key: string, ctrl: boolean): number | undefined {
  const { columns, count, rowHeight, viewport } = layout;
  const column = index % columns;
  const page = Math.max(1, Math.floor(viewport / rowHeight)) * columns;
  // Moving down from the last full row goes to the last cell, so that no key seems dead above a short last row.
  const down = (by: number) =>
    index + by < count ? index + by : isLastRow(layout, index) ? index : count - 1;
  const up = (by: number) => (index - by >= 0 ? index - by : column);
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, index - 1);
    case "ArrowRight":
      return Math.min(count - 1, index + 1);
    case "ArrowUp":
      return up(columns);
    case "ArrowDown":
      return down(columns);
    case "PageUp":
      return up(page);
    case "PageDown":
      return down(page);
    case "Home":
      return ctrl ? 0 : index - column;
    case "End":
      return ctrl ? count - 1 : Math.min(count - 1, index - column + columns - 1);
    default:
      return undefined;
  }
}

function isLastRow(layout: Layout, index: number): boolean {
  return Math.floor(index / layout.columns) === layout.rows - 1;
}
