/** What a click and a double click on the grid do, as in the best photo tools. */

import { placeIn } from "./band";
import type { Card } from "./card";
import type { GridActions } from "./keys";
import type { Picker } from "./picking";
import type { Store } from "./store";

export interface ClickTarget {
  readonly store: Store;
  readonly picker: Picker;
  readonly actions: GridActions;
  /** What was clicked; `undefined`: the space between the cards. */
  readonly card: Card | undefined;
}

export function click(event: MouseEvent, { store, picker, card }: ClickTarget): void {
  const element = event.target as Element;
  const ctrl = event.ctrlKey || event.metaKey;
  if (card?.position === undefined) {
    const viewport = event.currentTarget as HTMLElement;
    const { x } = placeIn(viewport, event);
    const isOnScrollbar = x < 0 || x >= viewport.clientWidth;
    if (!ctrl && !event.shiftKey && !isOnScrollbar) picker.none();
    return;
  }
  const isOnCheckbox = element.matches("input");
  if (isOnCheckbox) event.preventDefault(); // the card is shown as selected as soon as it is
  const row = store.rows.at(card.position);
  if (!row) return;
  card.element.focus({ preventScroll: true });
  if (element.closest(".keep")) store.keep(row.id);
  else if (element.closest(".similar")) store.showSimilar(row.id);
  else if (event.shiftKey) picker.extend(card.position, { replace: !ctrl && !isOnCheckbox });
  else if (ctrl || isOnCheckbox) picker.toggle(card.position);
  else picker.only(card.position);
}

export function doubleClick(event: MouseEvent, { store, actions, card }: ClickTarget): void {
  if (card?.position === undefined || (event.target as Element).closest("button, input")) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || !store.rows.at(card.position)) return;
  actions.preview(card.position);
}
