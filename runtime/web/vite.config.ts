/** Vitest's settings. What is built, and how, stands in scripts/build.mjs. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["tests/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
