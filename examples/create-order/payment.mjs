/**
 * Charges and refunds. `node payment.mjs --port PORT [--data FILE]`; without a file it forgets everything at its end.
 *
 *   POST /v1/charges             { amount }  201 { id, amount, status }; more than 1000 is declined with 402
 *   GET  /v1/charges/by-key/KEY              200 the charge with this key, 404 none, 409 under way
 *   POST /v1/refunds             { charge }  201 { id, charge, amount }; `charge` is the key of the charge
 *
 * A refund of a charge that is not there succeeds, and the charge is refused (410) should it arrive later: whoever does not
 * know whether a charge went through can undo it all the same (`nullSafe` in saga.yaml).
 */
import { Refusal, serve } from "./kit/serve.mjs";

const LIMIT = 1000;
/** Charges by their key. */
const charges = new Map();
/** What undid a charge, by the key of the charge. */
const undone = new Map();

function chargeAnswer({ id, amount, key }) {
  return { id, amount, status: undone.has(key) ? "refunded" : "charged" };
}

serve({
  onRecord(record) {
    if (record.kind === "charge") charges.set(record.key, record);
    else undone.set(record.charge, record);
  },
  routes: [
    {
      method: "POST",
      path: "/v1/charges",
      apply({ key, body }) {
        const amount = body?.amount;
        if (typeof amount !== "number" || !(amount > 0)) throw new Refusal(400, "amount must be more than 0");
        if (amount > LIMIT) throw new Refusal(402, `declined: ${amount} is more than ${LIMIT}`);
        if (undone.has(key)) throw new Refusal(410, "refunded before it was charged");
        const id = `c-${charges.size + 1}`;
        return {
          status: 201,
          effect: { kind: "charge", id, amount },
          answer: { id, amount, status: "charged" },
        };
      },
    },
    {
      method: "GET",
      path: "/v1/charges/by-key/:key",
      read({ key }) {
        const charge = charges.get(key);
        return charge === undefined ? { key } : { key, status: 200, answer: chargeAnswer(charge) };
      },
    },
    {
      method: "POST",
      path: "/v1/refunds",
      apply({ body }) {
        const of = body?.charge;
        if (typeof of !== "string" || of === "") throw new Refusal(400, "charge must be the key of a charge");
        if (undone.get(of)?.kind === "refund") throw new Refusal(410, "refunded already, under another key");
        const charge = charges.get(of);
        const id = `r-${undone.size + 1}`;
        const amount = charge?.amount ?? 0;
        // Nothing moved, but it must be kept: the charge may still be on its way.
        const kind = charge === undefined ? "void" : "refund";
        return { status: 201, effect: { kind, id, charge: of, amount }, answer: { id, charge: of, amount } };
      },
    },
  ],
});
