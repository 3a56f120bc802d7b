import { openLab } from "./saga-lab.ts";

/** A run of a program of which nobody can say what it did, in the journal at that URL; its id. */
export async function parkedRun(url: string): Promise<string> {
  await using lab = await openLab({ url });
  const read = await lab.read(
    'saga: puzzle\nsteps: [{ name: one, action: { exec: ["false"] }, unknown: park }]',
  );
  const { record } = await lab.sagas.run(read, { input: {}, businessKey: null });
  if (record.state.status !== "parked") throw new Error(`the run is ${record.state.status}`);
  return record.state.runId;
}
