/** The ways in which a node's part in a run can fail. */
import { status, type ServiceError } from "@grpc/grpc-js";
import { RunError, UsageError } from "../../base/errors.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";

/** The node that the others had joined is no more. */
export class CoordinatorLostError extends RunError {
  override readonly name = "CoordinatorLostError";

  constructor(address: string, why: string, step: number) {
    super(
      `the coordinator ${address} is gone (${why}); the state after ${step} steps was saved\n` +
        `  remedy: start a node with --listen on the --workdir of the newest checkpoint and let the others --join it: ` +
        `the run goes on to the same result`,
    );
  }
}

/** Nodes of TensorFlow's collectives cannot go on without one of them. */
export class BrokenGroupError extends RunError {
  override readonly name = "BrokenGroupError";

  constructor(why: string, step: number) {
    super(
      `exchange.engine=tensorflow: the run needs all its nodes, and ${why}; the state after ${step} steps was saved\n` +
        `  remedy: start all nodes again, each with its --workdir: they go on from the newest checkpoint; ` +
        `with exchange.engine=grpc a run goes on without a node that it loses`,
    );
  }
}

/** Another process was started with the workdir of this one. */
export class SupersededError extends RunError {
  override readonly name = "SupersededError";

  constructor(address: string, why: string) {
    super(
      `the run at ${address} goes on without this process: ${why}\n  remedy: give each process a --workdir of its own`,
    );
  }
}

/** Nodes have come to different states: nothing of it may be kept. */
export class DifferentNodesError extends RunError {
  override readonly name = "DifferentNodesError";
  override readonly keepsState = false;
  readonly step: number;

  constructor(step: number, text: string) {
    super(
      `the nodes have different states after ${step} steps: ${text}; nothing was saved\n` +
        `  remedy: use one version of the code, one engine and one kind of processor, and start again from an older checkpoint`,
    );
    this.step = step;
  }
}

/** Another attempt a moment later may succeed. */
export const isPassing = ({ code }: ServiceError): boolean =>
  [status.UNAVAILABLE, status.ALREADY_EXISTS, status.NOT_FOUND, status.DEADLINE_EXCEEDED].includes(code);

/** Why a node could not join, for its user. */
export function joinFailure(address: string, { code, details: said }: ServiceError): UsageError | RunError {
  const details = sanitizeText(said, 2000);
  const where = `--join ${address}`;
  switch (code) {
    case status.UNAUTHENTICATED:
      return new UsageError(`${where}: the node requires another token`, "give the run's token with --token-file FILE");
    case status.FAILED_PRECONDITION:
      return new UsageError(
        `${where}: refused: ${details}`,
        "use the run's settings, code and engine, or join another run",
      );
    case status.ALREADY_EXISTS:
      return new RunError(
        `${where}: refused: ${details}\n  remedy: give another --rank or none, or start the node again later`,
      );
    case status.NOT_FOUND:
      return new RunError(
        `${where}: refused: ${details}\n  remedy: give --listen HOST:PORT with a name or an address of this machine that ` +
          `the other nodes reach, --join the first node by such an address too, and let no firewall close the port`,
      );
    case status.UNIMPLEMENTED:
      return new UsageError(`${where}: another program listens there, not a node`, "join the address of --listen");
    default:
      return new RunError(
        `${where}: no node answers there (${details})\n  remedy: start one with --listen, or wait longer for it: ` +
          `--set exchange.deadlineSeconds=N`,
      );
  }
}
