/** A piece of the gallery's page: an element, and how to let go of what it listens to. */
export interface Part {
  readonly element: HTMLElement;
  dispose(): void;
}

/** Make a part of an element and the effects that keep it up to date. */
export function part(element: HTMLElement, ...stops: readonly (() => void)[]): Part {
  return {
    element,
    dispose() {
      for (const stop of stops) stop();
    },
  };
}
