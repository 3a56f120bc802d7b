#!/usr/bin/env node
// Runs dcs from src/, without a build: the types are stripped by Node itself.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main } from "../src/cli/main.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const pjson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const source = (path) => path.replace("./dist/", "./src/").replace(/\.js$/, ".ts");
pjson.oclif.commands.target = source(pjson.oclif.commands.target);
pjson.oclif.hooks.command_not_found = source(pjson.oclif.hooks.command_not_found);
pjson.oclif.helpClass = source(pjson.oclif.helpClass);
await main({ root, pjson, ignoreManifest: true }, process.argv.slice(2));
