/** Two helpers to build elements. Text and attributes only: nothing here ever parses HTML. */

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Create an element; an attribute that is `false` is left out, one that is `true` is empty. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** Create a 16 × 16 icon from path data; it takes the colour of the text around it. */
export function icon(path: string): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(namespace, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

/** Whether keys and the clipboard are for the text in an element. */
export function isTextField(element: Element): boolean {
  return element.matches("input[type=text]");
}
