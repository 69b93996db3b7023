/** The page of an instrument. */
import { UgenPlayer } from "./element";

customElements.define("ugen-player", UgenPlayer);

document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.target !== document.body) return;
  event.preventDefault();
  document.querySelector<UgenPlayer>("ugen-player")?.toggle();
});
