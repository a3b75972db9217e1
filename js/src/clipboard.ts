/** Text to the clipboard, whatever a browser asks for before it lets a page write there. */

import { h } from "./dom";

/**
 * Put text onto the clipboard.
 *
 * @param near Where a field can be for as long as it takes.
 * @returns Whether the browser has let us.
 */
export async function copyText(text: string, near: Element): Promise<boolean> {
  try {
    // There is none outside secure contexts: on a server other than localhost without HTTPS.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyFromField(text, near);
  }
}

/** The old way, which takes what is selected in a field that has the focus. */
function copyFromField(text: string, near: Element): boolean {
  const { activeElement } = near.getRootNode() as ShadowRoot;
  const field = h("textarea", { class: "unseen", tabindex: -1, readonly: true });
  field.value = text;
  near.append(field);
  try {
    field.focus({ preventScroll: true });
    field.select();
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    (activeElement as HTMLElement | null)?.focus({ preventScroll: true });
  }
}
