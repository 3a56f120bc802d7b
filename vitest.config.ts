import { defineConfig } from "vitest/config";

const SECONDS = 1000;

function project(name: string, testTimeout: number, more: { readonly maxWorkers?: number } = {}) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 60 * SECONDS, ...more },
  };
}

/** They wait for servers, TTLs and timeouts for most of their time: two files at a time, also on two processors. */
const TWO = { maxWorkers: 2 };

export default defineConfig({
  test: {
    // `node --test` and captured consoles lose what a command prints.
    disableConsoleIntercept: true,
    projects: [
      project("unit", 10 * SECONDS),
      project("contract", 30 * SECONDS, TWO),
      project("cli", 30 * SECONDS, TWO),
      // Times are measured there.
      project("integration", 120 * SECONDS),
      project("faults", 180 * SECONDS, TWO),
    ],
  },
});
