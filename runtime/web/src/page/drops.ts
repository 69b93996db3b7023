/** Files that are dropped on a place. */

/** `shown`: gets the class `dropping` while a file is held over the place. */
export function followDrops(
  place: EventTarget,
  shown: HTMLElement,
  take: (files: File[]) => void,
  until: AddEventListenerOptions,
): void {
  const over = (is: boolean) => shown.classList.toggle("dropping", is);
  const drag = (event: Event) => {
    event.preventDefault();
    over(true);
  };
  const drop = (event: Event) => {
    event.preventDefault();
    over(false);
    take([...((event as DragEvent).dataTransfer?.files ?? [])]);
  };
  place.addEventListener("dragover", drag, until);
  place.addEventListener("dragleave", () => over(false), until);
  place.addEventListener("drop", drop, until);
}
