/** A failure in words; with the reasons of each address where several were tried. */
export function sayFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.message === "") {
    return [...new Set(error.errors.map(sayFailure))].join(", ");
  }
  return error.message;
}
