/** What a DevTools endpoint answers and tells; its many shapes are not described here. */
// biome-ignore lint/suspicious/noExplicitAny: the protocol has hundreds of shapes, and tests read a handful
export type DevToolsObject = Record<string, any>;

/** A connection of the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/). */
export interface DevTools {
  /** The result of a command; fails with what the browser says, or when it says nothing in time. */
  send(method: string, parameters?: object, sessionId?: string): Promise<DevToolsObject>;
  /** Hears the events of a session until the returned function is called. */
  listen(sessionId: string, listener: (method: string, event: DevToolsObject) => void): () => void;
  close(): void;
}

interface Pending {
  readonly resolve: (result: DevToolsObject) => void;
  readonly reject: (error: Error) => void;
}

const ANSWER_MS = 60_000;

export async function devTools(endpoint: string): Promise<DevTools> {
  const socket = new WebSocket(endpoint);
  const pending = new Map<number, Pending>();
  const listeners = new Map<string, (method: string, event: DevToolsObject) => void>();
  let next = 1;
  socket.addEventListener("message", ({ data }) => {
    const message: DevToolsObject = JSON.parse(String(data));
    const waiting = pending.get(message["id"]);
    if (waiting === undefined) {
      listeners.get(message["sessionId"])?.(message["method"], message["params"]);
      return;
    }
    pending.delete(message["id"]);
    if (message["error"] === undefined) waiting.resolve(message["result"]);
    else waiting.reject(new Error(message["error"].message));
  });
  socket.addEventListener("close", () => {
    for (const { reject } of pending.values()) reject(new Error("the browser is gone"));
    pending.clear();
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error(`${endpoint} does not answer`)), { once: true });
  });
  return {
    send(method, parameters = {}, sessionId) {
      const id = next++;
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          pending.delete(id);
          reject(new Error(`no answer to ${method} within ${ANSWER_MS} ms`));
        }, ANSWER_MS);
        pending.set(id, {
          resolve(result) {
            clearTimeout(late);
            resolve(result);
          },
          reject(error) {
            clearTimeout(late);
            reject(error);
          },
        });
        if (socket.readyState !== WebSocket.OPEN) {
          pending.get(id)?.reject(new Error("the browser is gone"));
          pending.delete(id);
          return;
        }
        socket.send(JSON.stringify({ id, method, params: parameters, ...(sessionId ? { sessionId } : {}) }));
      });
    },
    listen(sessionId, listener) {
      listeners.set(sessionId, listener);
      return () => listeners.delete(sessionId);
    },
    close: () => socket.close(),
  };
}
