#!/usr/bin/env node
// No static imports, and only syntax that an old Node can parse: the first thing it does is to say that it is too old.
/* global process, URL */
var MINIMUM = 24;

if (Number(process.versions.node.split(".")[0]) < MINIMUM) {
  process.stderr.write(
    "dcs needs Node.js " +
      MINIMUM +
      " or newer, and this is " +
      process.version +
      ": install it from https://nodejs.org or run `npx dcs`\n",
  );
  process.exitCode = 1;
} else {
  start();
}

function start() {
  var env = process.env;
  var cache = env.XDG_CACHE_HOME || (env.HOME ? `${env.HOME}/.cache` : "");
  // Compiled code is kept in a directory of this user alone; where it cannot be written, dcs only starts slower.
  if (cache[0] === "/") process.getBuiltinModule("node:module").enableCompileCache(`${cache}/dcs/compile`);
  import("../dist/cli/main.js").then(
    (built) => built.start(new URL("..", import.meta.url), process.argv.slice(2)),
    (error) => {
      var missing =
        error.code === "ERR_MODULE_NOT_FOUND" && String(error.url || "").indexOf("/dist/cli/main.js") >= 0;
      process.stderr.write(missing ? "dcs is not built: run `npm run build`\n" : `${error.stack}\n`);
      process.exitCode = 1;
    },
  );
}
