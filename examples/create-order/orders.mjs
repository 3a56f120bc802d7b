/**
 * Orders and their shipment. `node orders.mjs --port PORT [--data FILE]`; without a file it forgets everything at its end.
 *
 *   POST   /v1/orders              { sku }  201 { id, sku, status }
 *   DELETE /v1/orders/ID                    200 { id, status }; 404 there is none, 410 it is cancelled, 403 it is shipped
 *   POST   /v1/orders/ID/shipment           201 { id, order };  404, 410, 403 likewise
 *   GET    /v1/orders/ID                    200 { id, sku, status }
 */
import { Refusal, serve } from "./kit/serve.mjs";

/** Orders by id; `status` is open, cancelled or shipped. */
const orders = new Map();
let shipments = 0;

function openOrder(id) {
  const order = orders.get(id);
  if (order === undefined) throw new Refusal(404, `there is no order ${id}`);
  if (order.status === "cancelled") throw new Refusal(410, `order ${id} is cancelled`);
  if (order.status === "shipped") throw new Refusal(403, `order ${id} is shipped`);
  return order;
}

serve({
  onRecord({ kind, id, order, sku }) {
    if (kind === "order") orders.set(id, { id, sku, status: "open" });
    if (kind === "cancel") orders.get(order).status = "cancelled";
    if (kind === "shipment") {
      orders.get(order).status = "shipped";
      shipments += 1;
    }
  },
  routes: [
    {
      method: "POST",
      path: "/v1/orders",
      apply({ body }) {
        const sku = body?.sku;
        if (typeof sku !== "string" || sku === "") throw new Refusal(400, "sku must be a text");
        const id = `o-${orders.size + 1}`;
        return { status: 201, effect: { kind: "order", id, sku }, answer: { id, sku, status: "open" } };
      },
    },
    {
      method: "GET",
      path: "/v1/orders/:id",
      read({ id }) {
        const order = orders.get(id);
        return order === undefined ? {} : { status: 200, answer: order };
      },
    },
    {
      method: "DELETE",
      path: "/v1/orders/:id",
      apply({ id }) {
        openOrder(id);
        return { status: 200, effect: { kind: "cancel", order: id }, answer: { id, status: "cancelled" } };
      },
    },
    {
      method: "POST",
      path: "/v1/orders/:id/shipment",
      apply({ id }) {
        openOrder(id);
        const shipment = `s-${shipments + 1}`;
        return {
          status: 201,
          effect: { kind: "shipment", id: shipment, order: id },
          answer: { id: shipment, order: id },
        };
      },
    },
  ],
});
