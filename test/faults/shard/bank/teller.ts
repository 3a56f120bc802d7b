import { setTimeout as sleep } from "node:timers/promises";
import type { Book, Fate } from "./book.ts";
import { type BankClient, type BankTx, LostRow } from "./clients.ts";
import { type Account, type Doc, insert, take, update } from "./rows.ts";
import { rowKey, rowText } from "./tables.ts";

export interface TellerOptions {
  readonly client: BankClient;
  readonly book: Book;
  readonly random: () => number;
  /** Tenants, those of one bucket together. */
  readonly tenants: readonly (readonly number[])[];
  /** Keeps each transaction open for so long at most, ms. */
  readonly dawdleMs?: number;
}

/** Rows that one teller has at a time. */
const MOST = 40;

type Change = (tx: BankTx) => Promise<void>;
type Change2 = (tx: BankTx) => Promise<number>;
type Effects = Map<string, string | null>;

/** One writer. Nobody else writes its rows, but for the totals of the tenants, so it knows what each of them must be. */
export class Teller {
  readonly #o: TellerOptions;
  readonly #accounts: Account[] = [];
  readonly #docs: Doc[] = [];
  readonly #deleted: Account[] = [];

  constructor(options: TellerOptions) {
    this.#o = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const kinds: readonly (readonly [number, () => Promise<void>])[] = [
      [18, () => this.#deposit()],
      [12, () => this.#open()],
      [22, () => this.#bump()],
      [8, () => this.#swap()],
      [5, () => this.#replace()],
      [4, () => this.#replaceOther()],
      [6, () => this.#ignore()],
      [8, () => this.#upsert()],
      [6, () => this.#delete()],
      [4, () => this.#miss()],
      [6, () => this.#file()],
      [5, () => this.#edit()],
      [6, () => this.#reassign()],
      [3, () => this.#shred()],
    ];
    const total = kinds.reduce((sum, [weight]) => sum + weight, 0);
    while (!signal.aborted) {
      let rest = this.#o.random() * total;
      const chosen = kinds.find(([weight]) => {
        rest -= weight;
        return rest < 0;
      });
      await chosen?.[1]();
    }
  }

  /** One more line in the ledger, and in the sums of its tenant, which others change too. */
  async #deposit(): Promise<void> {
    const tenant = this.#tenant();
    const op = this.#o.book.nextOp();
    const cents = 1 + Math.floor(this.#o.random() * 1000);
    await this.#write(
      tenant,
      [],
      new Map([[rowKey("ledger", tenant, op), rowText(cents)]]),
      async (tx) => {
        await tx.run("INSERT INTO ledger (tenant, op, cents) VALUES (?, ?, ?)", [tenant, op, cents]);
        await tx.hit("UPDATE totals SET n = n + 1, cents = cents + ? WHERE tenant = ?", [cents, tenant]);
      },
      // Others would wait for the tenant's row.
      false,
    );
  }

  async #open(): Promise<void> {
    if (this.#accounts.length >= MOST) return;
    const account = this.#account();
    await this.#become([account], [account], (tx) => insert(tx, "INSERT INTO", account));
  }

  async #bump(): Promise<void> {
    const account = this.#pick(this.#accounts);
    if (account === undefined) return;
    const { tenant, id, v } = account;
    const note = this.#note();
    await this.#become([account], [{ ...account, v: v + 1, note }], (tx) =>
      tx.hit("UPDATE accounts SET v = v + 1, note = ? WHERE tenant = ? AND id = ?", [note, tenant, id]),
    );
  }

  /** Two of them change their unique values. */
  async #swap(): Promise<void> {
    const [a, b] = this.#two();
    if (a === undefined || b === undefined) return;
    const to = [
      { ...a, slot: b.slot, v: a.v + 1 },
      { ...b, slot: a.slot, v: b.v + 1 },
    ] as const;
    await this.#become([a, b], to, async (tx) => {
      for (const account of [{ ...a, slot: -a.id }, to[1], to[0]]) await update(tx, account);
    });
  }

  async #replace(): Promise<void> {
    const account = this.#pick(this.#accounts);
    if (account === undefined) return;
    const next = { ...account, v: account.v + 1, note: this.#note() };
    await this.#become([account], [next], (tx) => insert(tx, "REPLACE INTO", next));
  }

  /** One takes the other's unique value, and the other is gone by that. */
  async #replaceOther(): Promise<void> {
    const [a, b] = this.#two();
    if (a === undefined || b === undefined) return;
    const next = { ...a, slot: b.slot, v: a.v + 1 };
    await this.#become([a, b], [next], (tx) => insert(tx, "REPLACE INTO", next));
  }

  /** Of one that is there, which stays as it is, or of one that is not. */
  async #ignore(): Promise<void> {
    const account = this.#o.random() < 0.5 ? this.#pick(this.#accounts) : this.#account();
    if (account === undefined) return;
    const isNew = !this.#accounts.includes(account);
    if (isNew && this.#accounts.length >= MOST) return;
    const what = isNew ? account : { ...account, v: -1, note: "ignored" };
    await this.#become([account], [account], async (tx) => {
      const rows = await insert(tx, "INSERT IGNORE INTO", what);
      if (rows !== Number(isNew)) throw new LostRow(`INSERT IGNORE of ${account.id} met ${rows} rows`);
    });
  }

  async #upsert(): Promise<void> {
    const account = this.#pick(this.#accounts);
    if (account === undefined) return;
    await this.#become([account], [{ ...account, v: account.v + 1 }], async (tx) => {
      await insert(tx, "INSERT INTO", { ...account, v: -1 }, " ON DUPLICATE KEY UPDATE v = v + 1");
    });
  }

  async #delete(): Promise<void> {
    const account = this.#pick(this.#accounts);
    if (account === undefined) return;
    const { tenant, id } = account;
    await this.#become([account], [], (tx) =>
      tx.hit("DELETE FROM accounts WHERE tenant = ? AND id = ?", [tenant, id]),
    );
    this.#deleted.push(account);
    if (this.#deleted.length > MOST) this.#deleted.shift();
  }

  /** What meets no row, because there is none. */
  async #miss(): Promise<void> {
    const account = this.#pick(this.#deleted);
    if (account === undefined || !this.#o.client.knowsMisses) return;
    const { tenant, id } = account;
    if (this.#accounts.some((each) => each.id === id) || this.#isUnsure(account)) return;
    await this.#write(tenant, [], new Map(), async (tx) => {
      const rows = await tx.run("UPDATE accounts SET v = v + 1 WHERE tenant = ? AND id = ?", [tenant, id]);
      if (rows > 0) throw new LostRow(`account ${id} was deleted, and is there again`);
    });
  }

  async #file(): Promise<void> {
    if (this.#docs.length >= MOST) return;
    const doc = { id: this.#o.book.nextOp(), tenant: this.#tenant(), v: 1, note: this.#note() };
    const { id, tenant, v, note } = doc;
    await this.#becomeDoc(null, doc, async (tx) => {
      await tx.run("INSERT INTO docs (id, tenant, v, note) VALUES (?, ?, ?, ?)", [id, tenant, v, note]);
    });
  }

  async #edit(): Promise<void> {
    const doc = this.#pick(this.#docs);
    if (doc === undefined) return;
    const next = { ...doc, v: doc.v + 1, note: this.#note() };
    await this.#becomeDoc(doc, next, (tx) =>
      tx.hit("UPDATE docs SET v = v + 1, note = ? WHERE id = ? AND tenant = ?", [
        next.note,
        doc.id,
        doc.tenant,
      ]),
    );
  }

  /** A row goes to another tenant, of its own bucket or of another. */
  async #reassign(): Promise<void> {
    const { random, tenants } = this.#o;
    const doc = this.#pick(this.#docs);
    if (doc === undefined) return;
    const neighbours = tenants.find((group) => group.includes(doc.tenant)) ?? [];
    const tenant = (random() < 0.3 ? this.#pick(neighbours) : undefined) ?? this.#tenant();
    const next = { ...doc, tenant, v: doc.v + 1 };
    await this.#becomeDoc(doc, next, (tx) =>
      tx.hit("UPDATE docs SET v = v + 1, tenant = ? WHERE id = ? AND tenant = ?", [
        tenant,
        doc.id,
        doc.tenant,
      ]),
    );
  }

  async #shred(): Promise<void> {
    const doc = this.#pick(this.#docs);
    if (doc === undefined) return;
    await this.#becomeDoc(doc, null, (tx) =>
      tx.hit("DELETE FROM docs WHERE id = ? AND tenant = ?", [doc.id, doc.tenant]),
    );
  }

  /** Accounts of one tenant become others. */
  async #become(from: readonly Account[], to: readonly Account[], work: Change | Change2): Promise<void> {
    const effects: Effects = new Map();
    for (const { tenant, id } of from) effects.set(rowKey("accounts", tenant, id), null);
    for (const { tenant, id, v, slot, note } of to) {
      effects.set(rowKey("accounts", tenant, id), rowText(v, slot, note));
    }
    const fate = await this.#write(from[0]?.tenant ?? 0, [], effects, async (tx) => void (await work(tx)));
    if (fate === "refused" || fate === "apart") return;
    take(this.#accounts, from);
    // What nobody knows of is left alone from now on.
    if (fate === "acknowledged") this.#accounts.push(...to);
  }

  async #becomeDoc(from: Doc | null, to: Doc | null, work: Change): Promise<void> {
    const { id, tenant } = (from ?? to) as Doc;
    const effects: Effects = new Map([
      [rowKey("docs", id), to === null ? null : rowText(to.tenant, to.v, to.note)],
    ]);
    const also = to === null || to.tenant === tenant ? [] : [to.tenant];
    const fate = await this.#write(tenant, also, effects, work);
    if (fate === "refused" || fate === "apart") return;
    if (from !== null) take(this.#docs, [from]);
    if (fate === "acknowledged" && to !== null) this.#docs.push(to);
  }

  async #write(
    tenant: number,
    also: readonly number[],
    effects: Effects,
    work: Change,
    mayDawdle = true,
  ): Promise<Fate> {
    const { client, book, dawdleMs = 0, random } = this.#o;
    const wait = mayDawdle ? Math.floor(random() * dawdleMs) : 0;
    try {
      const fate = await client.transact(tenant, also, async (tx) => {
        // By then what its snapshot has is old.
        if (wait > 0) await sleep(wait / 2);
        await work(tx);
        if (wait > 0) await sleep(wait / 2);
      });
      book.write(fate, effects);
      if (fate === "refused") await sleep(10);
      return fate;
    } catch (error) {
      // A row that was not there, or a server that says what it has no reason to.
      book.problems.push(`while they ran: ${error instanceof Error ? error.message : String(error)}`);
      book.write("unknown", effects);
      return "unknown";
    }
  }

  #isUnsure({ tenant, id }: Account): boolean {
    return this.#o.book.truth.of(rowKey("accounts", tenant, id)).length > 1;
  }

  #account(): Account {
    const id = this.#o.book.nextOp();
    return { tenant: this.#tenant(), id, v: 1, slot: id, note: this.#note() };
  }

  /** Two accounts of a tenant. */
  #two(): readonly (Account | undefined)[] {
    const a = this.#pick(this.#accounts);
    return [a, this.#accounts.find(({ tenant, id }) => tenant === a?.tenant && id !== a.id)];
  }

  #tenant(): number {
    return this.#pick(this.#pick(this.#o.tenants) ?? []) ?? 0;
  }

  #note(): string {
    return `it's №${this.#o.book.nextOp()} \\ 🦄`;
  }

  #pick<T>(of: readonly T[]): T | undefined {
    return of[Math.floor(this.#o.random() * of.length)];
  }
}
