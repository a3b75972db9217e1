/** What the keys do while a card, or the grid itself, has the focus. Escape is the business of the page around it. */

import type { Picker } from "./picking";
import type { Store } from "./store";
import { type Layout, moveBy } from "./virtual";

/** For assistive technology: the keys that it does not know a grid to have. */
export const SHORTCUTS = "Space Shift+Space Enter S T K Control+A Meta+A Control+C Meta+C Control+V Meta+V";

/** What the grid cannot do itself. */
export interface GridActions {
  /** Show a large image of the item at a view position. */
  preview(position: number): void;
  /** Let the user type a tag for the selected items. */
  tag(): void;
}

export interface KeyTarget {
  readonly store: Store;
  readonly picker: Picker;
  readonly actions: GridActions;
  readonly layout: Layout;
  /** View position that the keys act on. */
  readonly active: number;
  /** Give the focus to another one. */
  focusOn(position: number): void;
}

/** Do what a key stands for. */
export function pressKey(event: KeyboardEvent, target: KeyTarget): void {
  const ctrl = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const from = target.active;
  const position = moveBy(target.layout, from, key, ctrl);
  if (position !== undefined) {
    target.focusOn(position);
    if (event.shiftKey) target.picker.extend(position, { from, replace: true });
  } else if (!command(event, key, ctrl, target)) {
    return;
  }
  event.preventDefault();
}

function command(event: KeyboardEvent, key: string, ctrl: boolean, target: KeyTarget): boolean {
  const { store, picker, actions, active } = target;
  if (key === "a" && ctrl) {
    store.selectView("all");
    return true;
  }
  const row = store.rows.at(active);
  const isOnControl = (event.target as Element).matches("button, input");
  if (!row || (isOnControl && (key === " " || key === "Enter"))) return false;
  if (key === " ") {
    if (event.repeat) return true;
    if (event.shiftKey) picker.extend(active, { replace: !ctrl });
    else picker.toggle(active);
    return true;
  }
  if (ctrl || event.shiftKey || event.repeat) return false;
  switch (key) {
    case "Enter":
      actions.preview(active);
      return true;
    case "s":
      store.showSimilar(row.id);
      return true;
    case "t":
      // The tag is for what is selected: where nothing is, for what the user looks at. The kernel may not know of the
      // latest selection yet.
      if (store.traits.selection_count.value === 0 && !row.selected) picker.only(active);
      actions.tag();
      return true;
    case "k":
      if (store.traits.mode.value !== "groups" || row.keeper) return false;
      store.keep(row.id);
      return true;
    default:
      return false;
  }
}
