/** Which positions of the view stand in which row of the grid: pure arithmetic, no DOM. */

export interface Arrangement {
  /** Number of cells. */
  readonly count: number;
  /** Number of cells in a full row. */
  readonly columns: number;
  readonly rows: number;
  /** Sizes of the groups that each start on a row of their own; `undefined`: one cell follows the other. */
  readonly groups: Int32Array | undefined;
  /** The first position in a row; `count` for the row after the last. */
  first(row: number): number;
  /** The row in which a position stands. */
  rowOf(position: number): number;
  startsGroup(row: number): boolean;
}

/** Put `count` cells, or all of `groups`, into rows of `columns`. */
export function arrange(count: number, columns: number, groups?: Int32Array): Arrangement {
  return groups ? arrangeGroups(groups, columns) : arrangeEvenly(count, columns);
}

function arrangeEvenly(count: number, columns: number): Arrangement {
  return {
    count,
    columns,
    rows: Math.ceil(count / columns),
    groups: undefined,
    first: (row) => Math.min(count, row * columns),
    rowOf: (position) => Math.floor(position / columns),
    startsGroup: () => false,
  };
}

function arrangeGroups(groups: Int32Array, columns: number): Arrangement {
  // There may be half a million groups: plain loops and integers, which are several times faster here.
  const rowsOf = (size: number) => ((size + columns - 1) / columns) | 0;
  let rows = 0;
  for (let group = 0; group < groups.length; group++) rows += rowsOf(groups[group] as number);
  const firsts = new Int32Array(rows + 1);
  const starts = new Uint8Array(rows);
  let row = 0;
  let position = 0;
  for (let group = 0; group < groups.length; group++) {
    const size = groups[group] as number;
    starts[row] = 1;
    for (let cell = 0; cell < size; cell += columns) firsts[row++] = position + cell;
    position += size;
  }
  firsts[rows] = position;
  return {
    count: position,
    columns,
    rows,
    groups,
    first: (wanted) => firsts[wanted] ?? position,
    rowOf(wanted) {
      let low = 0;
      let high = rows;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if ((firsts[middle] ?? position) <= wanted) low = middle;
        else high = middle;
      }
      return low;
    },
    startsGroup: (wanted) => starts[wanted] === 1,
  };
}
