/** A node's place in the run: its rules, and the call to the coordinator. */
import { setTimeout as delay } from "node:timers/promises";
import { status, type ServiceError } from "@grpc/grpc-js";
import { NonFiniteLossError, type RunError } from "../../base/errors.ts";
import type { Bell } from "../../base/bell.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import { statusError } from "../receive.ts";
import type { Attendance, ExchangeClient } from "./client.ts";
import type { Coordinator } from "./coordinator.ts";
import { CoordinatorLostError, DifferentNodesError, isPassing, joinFailure, SupersededError } from "./failures.ts";
import { Machine, type ListeningClock } from "../../exchange/machine.ts";
import { attend } from "../../exchange/member-rules.ts";
import {
  newMember,
  worksIn,
  type CallEnd,
  type MemberEffect,
  type MemberEvent,
  type MemberFailure,
  type MemberState,
} from "../../exchange/member-state.ts";
import type { CoordinatorMessage, GroupView, Hello, MemberMessage } from "../../exchange/messages.ts";

export type Way =
  | { readonly kind: "coordinate"; readonly coordinator: Coordinator; readonly hello: () => Hello }
  | { readonly kind: "join"; readonly client: ExchangeClient; readonly address: string; readonly hello: () => Hello };

export interface MembershipOptions {
  readonly way: Way;
  readonly clock: ListeningClock;
  /** Updates applied, and the step after the last. */
  readonly step: number;
  readonly to: number;
  /** Optimizer steps in each of them, to be told. */
  readonly steps: number;
  /** Hashes of the present state, and of its parameters alone. */
  readonly hash: () => string;
  readonly digest: () => string;
  /** Steps after which parameters are compared; 0: never. */
  readonly verifyEvery: number;
  /** Called before the answer to `prepare`, and when the connection is lost: the view before is over. */
  readonly onEndView: () => void;
  /** Rung at every change. */
  readonly moved: Bell;
  /** Makes the error of a run that cannot go on with other members; absent where it can. */
  readonly fixed?: (why: string) => RunError;
  /** ms; the run's, once the coordinator has said it. */
  readonly deadline: number;
  readonly tell: (text: string) => void;
  /** Keeps the state on disk: the coordinator is gone. */
  readonly save: () => void;
}

/** ms for the coordinator to hear that a node leaves. */
const FAREWELL = 2000;

const CALL_ENDS: Partial<Record<status, CallEnd>> = {
  [status.ABORTED]: "left out",
  [status.ALREADY_EXISTS]: "superseded",
};

export class Membership {
  readonly #options: MembershipOptions;
  readonly #machine: Machine<MemberState, MemberEvent, MemberEffect>;
  #send: (message: MemberMessage) => unknown = () => {};
  #attendance: Attendance | undefined;
  /** The connection's end. */
  #ended: Promise<void> = Promise.resolve();
  /** Error with which the last call ended. */
  #refusal: ServiceError | undefined;
  /** Reason why the node cannot go on. */
  failure: Error | undefined;
  /** All nodes have the last step. */
  finished = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { way, to, fixed, deadline, step, clock } = options;
    const rules = { coordinates: way.kind === "coordinate", to, fixed: fixed !== undefined };
    this.#machine = new Machine(newMember(rules, deadline, step), attend, clock, (effect) => this.#perform(effect));
  }

  get id(): number {
    return this.#machine.state.id;
  }

  get runId(): string {
    return this.#machine.state.runId;
  }

  /** The newest that was heard of. */
  get viewNumber(): number {
    return this.#machine.state.viewNumber;
  }

  /** Undefined between two views. */
  get view(): GroupView | undefined {
    return this.#machine.state.view;
  }

  /** The view whose state this node has: it may compute, send and apply. */
  get works(): GroupView | undefined {
    return worksIn(this.#machine.state);
  }

  #isCompared(step: number): boolean {
    const { verifyEvery, to } = this.#options;
    return verifyEvery > 0 && (step % verifyEvery === 0 || step === to);
  }

  /** A sum was applied. @param closed Nobody wants more, and the state may be gone. */
  applied(step: number, closed: boolean): void {
    const hash = this.#isCompared(step) && !closed ? this.#options.digest() : undefined;
    this.tell({ type: "applied", step, hash });
  }

  /**
   * Resolves once the parameters of a step are known to be those of all nodes, or when there is nobody to ask any more.
   *
   * @throws what ends the run.
   */
  async verified(step: number): Promise<void> {
    while (this.#isCompared(step)) {
      if (this.failure instanceof DifferentNodesError) throw this.failure;
      const { verified, call, ended } = this.#machine.state;
      if (verified >= step || call !== "attending" || ended) return;
      await this.#options.moved.next();
    }
  }

  /** ms, of the run. */
  get deadline(): number {
    return this.#machine.state.deadline;
  }

  /** Tells the rules what happened. */
  tell(event: MemberEvent): void {
    this.#machine.dispatch(event);
    if (event.type !== "tick") this.#options.moved.ring();
  }

  /** Goes; resolves when the coordinator has heard of it, or cannot. */
  async leave(): Promise<void> {
    const { call } = this.#machine.state;
    this.#machine.dispatch({ type: "leave" });
    this.#options.moved.ring();
    // No end is told of a call that nobody answered.
    if (call !== "attending") return this.#attendance?.cancel();
    this.#attendance?.end();
    await Promise.race([this.#ended, delay(FAREWELL, undefined, { ref: false })]);
  }

  #perform(effect: MemberEffect): void {
    const { onEndView, tell, save, moved } = this.#options;
    switch (effect.type) {
      case "call":
        return this.#call(effect.attempt);
      case "hangUp":
        return this.#hangUp();
      case "send":
        return void this.#send(effect.message);
      case "endView":
        onEndView();
        return moved.ring();
      case "save":
        return save();
      case "tell":
        return tell(effect.text);
      case "fail":
        this.failure = this.#errorOf(effect.failure);
        return moved.ring();
      case "finish":
        this.finished = true;
        return moved.ring();
      case "fetch":
        moved.ring();
    }
  }

  #hear(message: CoordinatorMessage, attempt: number): void {
    const hash = message.prepare ? this.#options.hash() : "";
    this.tell({ type: "message", message, attempt, hash });
  }

  #call(attempt: number): void {
    const { way } = this.#options;
    const hello = { ...way.hello(), runId: this.runId };
    if (way.kind === "coordinate") {
      const { coordinator } = way;
      const link = { send: (message: CoordinatorMessage) => this.#hear(message, attempt), end: () => {} };
      this.#send = (message) => coordinator.receive(this.id, message);
      coordinator.join(link, { ...hello, address: "" });
      return;
    }
    let over = () => {};
    this.#ended = new Promise((resolve) => (over = resolve));
    const attendance = way.client.attend(hello, {
      onMessage: (message) => this.#hear(message, attempt),
      onEnd: (error) => {
        over();
        this.#refusal = error;
        const attending = this.#machine.state.call === "attending";
        const otherwise = isPassing(error) || attending ? "unreachable" : "refused";
        const how = (attending && CALL_ENDS[error.code]) || otherwise;
        this.tell({ type: "ended", attempt, how, why: sanitizeText(error.details) });
      },
    });
    this.#attendance = attendance;
    this.#send = attendance.send;
  }

  /** The coordinator does not answer: nothing more is expected of the connection either. */
  #hangUp(): void {
    if (this.#machine.state.ended) return;
    this.#refusal = statusError(status.DEADLINE_EXCEEDED, "it accepts connections but does not answer");
    this.#attendance?.cancel();
    this.#attendance = undefined;
    const { way } = this.#options;
    if (way.kind === "join") way.client.renew();
  }

  #errorOf(failure: MemberFailure): Error {
    const { way, fixed, steps } = this.#options;
    const step = this.#machine.state.step * steps;
    const address = way.kind === "join" ? way.address : "";
    switch (failure.kind) {
      case "diverged":
        return new NonFiniteLossError(failure.step * steps, failure.value);
      case "differ":
        return new DifferentNodesError(failure.step * steps, failure.text);
      case "broken":
        return fixed!(failure.why);
      case "superseded":
        return new SupersededError(address, failure.why);
      case "lost":
        return new CoordinatorLostError(address, failure.why, step);
      default:
        return joinFailure(address, this.#refusal ?? statusError(status.DEADLINE_EXCEEDED, failure.why));
    }
  }
}
