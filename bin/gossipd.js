#!/usr/bin/env node
import module from "node:module";

// Compiled code is kept where the program is, so that only who may change the program may change it.
// Node has this from 22.1 on; where the directory cannot be written it does nothing.
module.enableCompileCache?.(`${import.meta.dirname}/../dist/.compile-cache`);

const { start } = await import("../dist/bundle/cli/main.js");
await start();
