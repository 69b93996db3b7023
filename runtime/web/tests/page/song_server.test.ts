import { expect, test } from "vitest";
import type { LoadOptions } from "../../src/core/types";
import type { FromSong } from "../../src/page/messages";
import { SongServer } from "../../src/page/song_server";
import * as core from "./fake_core";

type Events = Extract<FromSong, { told: "events" }>;

function served(): { server: SongServer; told: FromSong[]; until: (is: () => boolean) => Promise<void> } {
  const told: FromSong[] = [];
  const server = new SongServer(core, (message) => told.push(structuredClone(message)));
  const until = async (is: () => boolean) => {
    while (!is()) await new Promise((resume) => setTimeout(resume, 5));
  };
  return { server, told, until };
}

const bytes = new TextEncoder().encode("fake piano");
const onsets = (told: FromSong[]) =>
  told
    .filter((message): message is Events => message.told === "events")
    .flatMap((message) => message.events)
    .flatMap((event) => (event.kind === "note" ? [event.onset] : []));

test("a song comes whole and in order", async () => {
  const { server, told, until } = served();
  server.receive({ do: "load", bytes });
  await until(() => told.length === 1);
  expect(told[0]).toMatchObject({ told: "loaded", card: { arrangement: "piano" } });
  server.receive({ do: "make", job: 1, settings: { seed: 7n, seconds: 20 }, until: 1e9 });
  const ended = (message: FromSong) =>
    message.told === "events" && message.events.some((event) => event.kind === "end");
  await until(() => told.some(ended));
  expect(onsets(told)).toEqual([...onsets(told)].sort((a, b) => a - b));
  expect(onsets(told).at(-1)).toBe(19.75);
});

test("endless music is made no further than asked, goes on when asked, and stops", async () => {
  const { server, told, until } = served();
  server.receive({ do: "load", bytes });
  await until(() => told.length === 1);
  server.receive({ do: "make", job: 1, settings: { seed: 7n, endless: true }, until: 30 });
  await until(() => (onsets(told).at(-1) ?? 0) > 30);
  await new Promise((resume) => setTimeout(resume, 100));
  expect(onsets(told).at(-1)).toBeLessThan(31);
  server.receive({ do: "more", job: 1, until: 50 });
  await until(() => (onsets(told).at(-1) ?? 0) > 50);
  server.receive({ do: "stop", job: 1 });
  await new Promise((resume) => setTimeout(resume, 50));
  const heard = told.length;
  server.receive({ do: "more", job: 1, until: 90 });
  await new Promise((resume) => setTimeout(resume, 50));
  expect(told.length).toBe(heard);
});

test("what is no model is refused in words, and the model before still plays", async () => {
  const { server, told, until } = served();
  server.receive({ do: "load", bytes });
  await until(() => told.length === 1);
  server.receive({ do: "load", bytes: new Uint8Array(10) });
  await until(() => told.length === 2);
  const message = "not a ugen model (it has no ugen.format entry)";
  expect(told[1]).toEqual({ told: "error", job: undefined, message, isUsers: true });
  const settings = { seed: 7n, seconds: 5 };
  server.receive({ do: "save", job: -1, settings, as: "midi" });
  await until(() => told.length === 3);
  expect(told[2]).toMatchObject({ told: "saved", job: -1 });
  server.receive({ do: "save", job: -2, settings, as: { title: "mine" } });
  await until(() => told.length === 4);
  const xml = new TextEncoder().encode("<title>mine</title>");
  expect(told[3]).toEqual({ told: "saved", job: -2, bytes: xml });
});

test("a model gets onnxruntime when it asks for it, or is refused by the page's own words", async () => {
  const told: FromSong[] = [];
  const needy = async (file: Uint8Array, options: LoadOptions = {}) => {
    if (typeof options.wasm === "function") wasms.push(await options.wasm());
    return core.load(file);
  };
  const wasms: Uint8Array[] = [];
  const server = new SongServer({ ...core, load: needy }, (message) => told.push(message));
  const until = async (count: number) => {
    while (told.length < count) await new Promise((resume) => setTimeout(resume, 5));
  };
  server.receive({ do: "load", bytes });
  await until(1);
  expect(told).toEqual([{ told: "wasm" }]);
  server.receive({ do: "wasm", bytes: "this page came without onnxruntime" });
  await until(2);
  const message = "this page came without onnxruntime";
  expect(told[1]).toEqual({ told: "error", job: undefined, message, isUsers: true });
  server.receive({ do: "load", bytes });
  await until(3);
  server.receive({ do: "wasm", bytes: new Uint8Array([1, 2]) });
  await until(4);
  expect(wasms).toEqual([new Uint8Array([1, 2])]);
  expect(told[3]).toMatchObject({ told: "loaded" });
});
