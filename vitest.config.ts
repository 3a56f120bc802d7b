import { defineConfig } from "vitest/config";

const SECONDS = 1000;

function project(name: string, testTimeout: number, more: { readonly maxWorkers?: number } = {}) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 60 * SECONDS, ...more },
  };
}

export default defineConfig({
  test: {
    // `node --test` and captured consoles lose what a command prints.
    disableConsoleIntercept: true,
    projects: [
      project("unit", 10 * SECONDS),
      project("contract", 30 * SECONDS),
      project("cli", 30 * SECONDS),
      project("integration", 120 * SECONDS),
      // They wait for TTLs and timeouts for most of their time: two files at a time, also on two processors.
      project("faults", 180 * SECONDS, { maxWorkers: 2 }),
    ],
  },
});
