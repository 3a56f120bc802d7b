import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DevTools, devTools } from "./dev-tools.ts";
import { engineProgram } from "./engines.ts";
import { until } from "./until.ts";

/** A real Chromium without a window, driven by its DevTools protocol. */
export interface Chromium {
  /** Opens a page that has no network: only files. Resolves when everything on it was loaded. */
  open(url: string, options?: PageOptions): Promise<Page>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PageOptions {
  readonly width?: number;
  readonly isDark?: boolean;
  readonly isScripted?: boolean;
}

export interface Page {
  /** What went wrong on it so far: exceptions, errors and warnings of the console, what its policy blocked. */
  readonly problems: readonly string[];
  /** What it asked for, of any scheme. */
  readonly requests: readonly string[];
  /** The value of an expression, which may be a promise; it goes through JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** The page on paper. */
  pdf(): Promise<Buffer>;
  /** Moves the pointer to a place of the window. */
  hover(x: number, y: number): Promise<void>;
  setDark(isDark: boolean): Promise<void>;
  setWidth(width: number): Promise<void>;
  close(): Promise<void>;
}

const START_MS = 60_000;
const END_MS = 10_000;
const HEIGHT = 900;

/** Starts one with a profile of its own, which goes with it. */
export async function startChromium(): Promise<Chromium> {
  const dir = mkdtempSync(join(tmpdir(), "dcs-chromium-"));
  const flags = [
    "--headless",
    "--remote-debugging-port=0",
    `--user-data-dir=${dir}`,
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    // Its sandbox does not start for root, which tests in containers are.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "about:blank",
  ];
  const child = spawn(engineProgram("chromium"), flags, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  try {
    const tools = await devTools(await endpoint(child, dir));
    return {
      open: (url, options = {}) => openPage(tools, url, options),
      async [Symbol.asyncDispose]() {
        await tools.send("Browser.close").catch(() => {});
        await end(child, ended, dir);
        tools.close();
      },
    };
  } catch (error) {
    await end(child, ended, dir);
    throw error;
  }
}

/** It writes the port, and the path of the browser's own connection, into its profile. */
async function endpoint(child: ChildProcess, dir: string): Promise<string> {
  let written = "";
  await until(() => {
    if (child.exitCode !== null) throw new Error(`chromium ended with ${child.exitCode}`);
    try {
      written = readFileSync(join(dir, "DevToolsActivePort"), "utf8");
    } catch {
      return false;
    }
    return written.includes("\n/");
  }, START_MS);
  const [port, path] = written.split("\n");
  return `ws://127.0.0.1:${port}${path}`;
}

async function end(child: ChildProcess, ended: Promise<void>, dir: string): Promise<void> {
  const killer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await ended;
  clearTimeout(killer);
  // Its helpers may still be writing there.
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function openPage(tools: DevTools, url: string, options: PageOptions): Promise<Page> {
  const { targetId } = await tools.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await tools.send("Target.attachToTarget", { targetId, flatten: true });
  const send = (method: string, parameters: object = {}) => tools.send(method, parameters, String(sessionId));
  const problems: string[] = [];
  const requests: string[] = [];
  let isLoaded = false;
  const stop = tools.listen(String(sessionId), (method, event) => {
    if (method === "Page.loadEventFired") isLoaded = true;
    if (method === "Network.requestWillBeSent") requests.push(event.request.url);
    if (method === "Runtime.exceptionThrown") {
      const { text, exception } = event.exceptionDetails;
      problems.push(`exception: ${exception?.description ?? text}`);
    }
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(event.type)) {
      problems.push(`console: ${event.args.map((each: { value?: unknown }) => each.value).join(" ")}`);
    }
    if (method === "Log.entryAdded" && event.entry.level !== "verbose" && event.entry.level !== "info") {
      problems.push(`log: ${event.entry.text}`);
    }
  });
  const setWidth = async (width: number) => {
    await send("Emulation.setDeviceMetricsOverride", {
      width,
      height: HEIGHT,
      deviceScaleFactor: 1,
      mobile: false,
    });
  };
  const setDark = async (isDark: boolean) => {
    const features = [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }];
    await send("Emulation.setEmulatedMedia", { features });
  };
  for (const domain of ["Runtime", "Log", "Network", "Page"]) await send(`${domain}.enable`);
  await send("Network.emulateNetworkConditions", {
    offline: true,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  });
  await setWidth(options.width ?? 1200);
  await setDark(options.isDark ?? false);
  await send("Emulation.setScriptExecutionDisabled", { value: options.isScripted === false });
  const { errorText } = await send("Page.navigate", { url });
  if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
  await until(() => isLoaded, START_MS);
  return {
    problems,
    requests,
    setWidth,
    setDark,
    async evaluate<T>(expression: string) {
      const { result, exceptionDetails } = await send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails !== undefined) {
        throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      }
      return result.value as T;
    },
    async pdf() {
      const { data } = await send("Page.printToPDF", { printBackground: false });
      return Buffer.from(data, "base64");
    },
    async hover(x, y) {
      await send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
    },
    async close() {
      stop();
      await tools.send("Target.closeTarget", { targetId });
    },
  };
}
