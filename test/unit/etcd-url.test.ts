import { describe, expect, it } from "vitest";
import { parseEtcdUrl } from "../../src/core/store/etcd/etcd-url.ts";

describe("etcd URLs", () => {
  it("name endpoints, user, password and prefix", () => {
    expect(parseEtcdUrl("etcd://app:p%40%2F%3A@h1,h2:1,[::1]:2/a%2Cb/c/")).toEqual({
      endpoints: ["h1:2379", "h2:1", "[::1]:2"],
      tls: null,
      user: "app",
      password: "p@/:",
      prefix: "/a,b/c/",
      shown: "etcd://app@h1:2379,h2:1,[::1]:2/a%2Cb/c",
    });
    expect(parseEtcdUrl("etcd://h/")).toMatchObject({ endpoints: ["h:2379"], prefix: "", user: null });
    expect(parseEtcdUrl("etcd://h//")).toMatchObject({ prefix: "" });
  });

  it("name TLS files and the server", () => {
    expect(parseEtcdUrl("etcds://h?ca=/a%20b&cert=/c&key=/k&server-name=etcd.test")).toMatchObject({
      tls: { ca: "/a b", cert: "/c", key: "/k", serverName: "etcd.test" },
      shown: "etcds://h:2379",
    });
    expect(parseEtcdUrl("etcds://h").tls).toEqual({ ca: null, cert: null, key: null, serverName: null });
  });

  it.each([
    "etcd://",
    "etcd:h",
    "etcd://,h",
    "etcd://:secret@h",
    "etcd://u:secret/x@h",
    "etcd://u:1/secret@h",
    "etcd://u:1?secret@h",
    "etcd://u:%zz-secret@h",
    "etcd://h:port",
    "etcd://h?ca=/x",
    "etcds://h?ca=x",
    "etcds://h?ca=",
    "etcds://h?cert=/x",
    "etcds://h?insecure=1",
    "etcd://h#x",
  ])("refuses %s, and shows no password", (url) => {
    let failure: unknown;
    try {
      parseEtcdUrl(url);
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: "URL_INVALID" });
    expect(JSON.stringify([String(failure), failure])).not.toContain("secret");
  });
});
