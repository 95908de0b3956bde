import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: ["test/peers/**", "test/traffic/**", "test/docker/**"],
          // Many start processes and wait for them, so a core is not left to Vitest alone.
          maxWorkers: "100%",
          // These are real, on a machine that may be busy; what is computed fails a second time as well.
          retry: process.env.CI === "true" ? 1 : 0,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "peers",
          include: ["test/peers/**/*.test.ts"],
          // Each file starts a cluster of real processes, which mostly wait: two files at a time.
          maxWorkers: 2,
          testTimeout: 240_000,
          hookTimeout: 120_000,
          env: { TEST_PATIENCE_MS: "90000" },
          // Real processes on a busy machine; what passed only then is marked in the report.
          retry: 1,
        },
      },
      {
        test: {
          name: "traffic",
          include: ["test/traffic/**/*.test.ts"],
          // Real proxies under real load: one file at a time, or they measure each other.
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 120_000,
          env: { TEST_PATIENCE_MS: "60000" },
          // Real processes on a busy machine; what passed only then is marked in the report.
          retry: 1,
        },
      },
      {
        test: {
          name: "docker",
          include: ["test/docker/**/*.test.ts"],
          // An engine, the base images and our own image come first.
          globalSetup: ["test/docker/support/setup.ts"],
          // One stack at a time, or they measure each other.
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          env: { TEST_PATIENCE_MS: "60000" },
          // Real containers on a busy machine; what passed only then is marked in the report.
          retry: 1,
        },
      },
    ],
  },
});
