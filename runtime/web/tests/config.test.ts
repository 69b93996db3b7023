import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("every package is pinned, and the lock file names no address", () => {
  const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf-8");
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  for (const version of Object.values({ ...dependencies, ...devDependencies })) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  }
  expect(read("package-lock.json")).not.toContain('"resolved"');
});
