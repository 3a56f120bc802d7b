import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";

/** The text of examples/create-order/saga.yaml. */
export function exampleSaga(): string {
  return readFileSync(new URL("../../examples/create-order/saga.yaml", import.meta.url), "utf8");
}

/**
 * The same services with branches that run at once: after the order a payment and two parcels, each an order of its own,
 * and a shipment when all three are there.
 */
export const PARALLEL_SAGA = `
saga: create-parcels
input:
  sku: string
  amount: number
steps:
  - name: create-order
    action: { http: POST service://orders/v1/orders, body: { sku: "\${{ input.sku }}" } }
    compensate: { http: "DELETE service://orders/v1/orders/\${{ steps.create-order.output.id }}" }
  - name: deduct-payment
    needs: [create-order]
    action: { http: POST service://payment/v1/charges, body: { amount: "\${{ input.amount }}" } }
    probe: { http: "GET service://payment/v1/charges/by-key/\${{ key }}" }
    compensate:
      http: POST service://payment/v1/refunds
      body: { charge: "\${{ actionKey }}" }
      nullSafe: true
  - name: parcel-a
    needs: [create-order]
    action: { http: POST service://orders/v1/orders, body: { sku: "a of \${{ input.sku }}" } }
    compensate: { http: "DELETE service://orders/v1/orders/\${{ steps.parcel-a.output.id }}" }
  - name: parcel-b
    needs: [create-order]
    action: { http: POST service://orders/v1/orders, body: { sku: "b of \${{ input.sku }}" } }
    compensate: { http: "DELETE service://orders/v1/orders/\${{ steps.parcel-b.output.id }}" }
  - name: ship
    needs: [deduct-payment, parcel-a, parcel-b]
    pivot: true
    action: { http: "POST service://orders/v1/orders/\${{ steps.create-order.output.id }}/shipment" }
`;

export interface Haste {
  readonly timeout?: string;
  readonly settle?: string;
  readonly attempts?: number;
  readonly initial?: string;
}

/** A definition whose every step has little time and short pauses, so that a test of timeouts takes little time as well. */
export function hurried(text: string, haste: Haste = {}): string {
  const { timeout = "500ms", settle = "100ms", attempts = 4, initial = "10ms" } = haste;
  const document = parse(text) as { steps: Record<string, unknown>[] };
  for (const step of document.steps) {
    Object.assign(step, { timeout, settle, retry: { attempts, initial, max: "100ms" } });
  }
  return stringify(document);
}
