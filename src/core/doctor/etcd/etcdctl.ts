import type { EtcdAddress } from "../../store/etcd/etcd-url.ts";
import { shellQuote } from "../../util/shell-quote.ts";

/** `etcdctl` for that cluster, without the password: it asks for it. */
export function etcdctl({ endpoints, tls, user }: EtcdAddress): string {
  const scheme = tls === null ? "http" : "https";
  const words = ["etcdctl", `--endpoints=${endpoints.map((name) => `${scheme}://${name}`).join(",")}`];
  if (tls?.ca) words.push(`--cacert=${tls.ca}`);
  if (tls?.cert) words.push(`--cert=${tls.cert}`);
  if (tls?.key) words.push(`--key=${tls.key}`);
  if (user !== null) words.push(`--user=${user}`);
  return words.map(shellQuote).join(" ");
}
