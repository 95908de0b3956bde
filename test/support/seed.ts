import fc from "fast-check";

/** Imported for this: the same inputs on every run, and others with SEED=n. */
fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });
