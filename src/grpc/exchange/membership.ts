/** A node's place in the run: joining, the views it is told of, and joining again when it was left out. */
import { setTimeout as delay } from "node:timers/promises";
import { status, type ServiceError } from "@grpc/grpc-js";
import { NonFiniteLossError } from "../../base/errors.ts";
import type { Bell } from "../../base/bell.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import type { Attendance, ExchangeClient } from "./client.ts";
import type { Coordinator } from "./coordinator.ts";
import type { CoordinatorMessage } from "./messages.ts";
import type { GroupView } from "./messages.ts";
import type { MemberMessage } from "./messages.ts";
import type { Hello } from "./messages.ts";
import { CoordinatorLostError, isPassing, joinFailure } from "./failures.ts";

export type Way =
  | { readonly kind: "coordinate"; readonly coordinator: Coordinator; readonly collectivesPort: () => number }
  | { readonly kind: "join"; readonly client: ExchangeClient; readonly address: string; readonly hello: () => Hello };

export interface MembershipOptions {
  readonly way: Way;
  /** Updates applied. */
  readonly step: () => number;
  /** Called before the answer to `prepare`, and when the connection is lost: the view before is over. */
  readonly onPrepare: () => void;
  /** Rung at every change. */
  readonly moved: Bell;
  /** Why the run cannot go on with other members, if it cannot. */
  readonly fixed?: (why: string) => Error;
  /** ms to wait for the coordinator at the beginning. */
  readonly deadline: number;
  /** ms to look for it once it is gone. */
  readonly search: number;
  readonly tell: (text: string) => void;
}

/** ms between attempts to reach the coordinator. */
const RETRY = 200;
/** ms for the coordinator to hear that a node leaves. */
const FAREWELL = 2000;

export class Membership {
  readonly #options: MembershipOptions;
  #send: (message: MemberMessage) => unknown = () => {};
  #attendance: Attendance | undefined;
  /** The connection's end. */
  #ended: Promise<void> = Promise.resolve();
  #closed = false;
  #expulsions = 0;
  id = 0;
  runId = "";
  /** The newest that was heard of. */
  viewNumber = 0;
  /** Undefined between two views. */
  view: GroupView | undefined;
  /** Why there is no going on. */
  failure: Error | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** @throws UsageError or RunError when the run does not take this node. */
  async join(): Promise<void> {
    const { way, deadline } = this.#options;
    if (way.kind === "join") return this.#attend(deadline);
    const link = {
      send: (message: CoordinatorMessage) => this.#receive(message),
      end: () => {},
    };
    this.#send = (message) => message.leave || way.coordinator.receive(this.id, message);
    way.coordinator.join(link, { address: "", rank: 0, collectivesPort: way.collectivesPort() });
  }

  /** A member does not deliver, or cannot be reached. */
  suspect(id: number, reason: string): void {
    if (this.view) this.#send({ suspect: { view: this.view.view, id, reason } });
  }

  /** Loss or gradient of `step` are not finite. */
  diverged(step: number, value: number): void {
    this.#send({ diverged: { step, value } });
  }

  /** Goes; resolves when the coordinator has heard of it, or cannot. */
  async leave(): Promise<void> {
    this.#closed = true;
    this.#send({ leave: {} });
    this.#attendance?.end();
    await Promise.race([this.#ended, delay(FAREWELL, undefined, { ref: false })]);
  }

  #receive({ welcome, prepare, view, diverged }: CoordinatorMessage): void {
    const { step, onPrepare, moved, fixed } = this.#options;
    if (welcome) {
      if (this.runId !== "" && this.runId !== welcome.runId) this.#fail("another run listens there now");
      [this.id, this.runId] = [welcome.id, welcome.runId];
    }
    if (prepare) {
      if (fixed && this.viewNumber > 0) this.failure ??= fixed("a node has left it, or is lost");
      this.viewNumber = prepare.view;
      this.view = undefined;
      onPrepare();
      this.#send({ ready: { view: prepare.view, step: step() } });
    }
    if (view && view.view === this.viewNumber) this.view = view;
    if (diverged) this.failure ??= new NonFiniteLossError(diverged.step, diverged.value);
    moved.ring();
  }

  #fail(why: string): void {
    const { way, step, moved } = this.#options;
    this.failure ??= new CoordinatorLostError(way.kind === "join" ? way.address : "", why, step());
    moved.ring();
  }

  /** Tries until the run takes this node, `patience` ms at most. */
  async #attend(patience: number): Promise<void> {
    const { way } = this.#options;
    if (way.kind !== "join") return;
    const until = performance.now() + patience;
    for (;;) {
      const refusal = await this.#call(way);
      if (!refusal) return;
      if (!isPassing(refusal) || performance.now() > until) throw joinFailure(way.address, refusal);
      if (this.#closed) return;
      await delay(RETRY);
    }
  }

  /** @returns Why not, if not. */
  #call({ client, hello }: Extract<Way, { kind: "join" }>): Promise<ServiceError | undefined> {
    return new Promise((resolve) => {
      let welcome = false;
      let ended = () => {};
      const attendance = client.attend(
        { ...hello(), runId: this.runId },
        {
          onMessage: (message) => {
            if (message.welcome) {
              welcome = true;
              this.#attendance = attendance;
              this.#ended = new Promise((resolve) => (ended = resolve));
              this.#send = attendance.send;
            }
            this.#receive(message);
            if (message.welcome) resolve(undefined);
          },
          onEnd: (error) => {
            ended();
            if (welcome) void this.#lost(error);
            else resolve(error);
          },
        },
      );
    });
  }

  /** The run goes on without this node, or there is none any more: looks which. */
  async #lost({ code, details: said }: ServiceError): Promise<void> {
    if (this.#closed) return;
    const { tell, onPrepare, moved, search, deadline, fixed } = this.#options;
    const details = sanitizeText(said);
    if (fixed && this.viewNumber > 0) {
      this.failure ??= fixed(`the coordinator is gone: ${details}`);
      return moved.ring();
    }
    this.view = undefined;
    this.#send = () => {};
    onPrepare();
    moved.ring();
    const expelled = code === status.ABORTED;
    tell(expelled ? `${details}; joining again` : `the coordinator cannot be reached: ${details}; looking for it`);
    try {
      // Who was left out for a reason that lasts would only hinder the others.
      if (expelled) await delay(Math.min(deadline, RETRY * 4 ** this.#expulsions++), undefined, { ref: false });
      if (this.#closed) return;
      await this.#attend(expelled ? deadline : search);
    } catch (error) {
      this.#fail(expelled ? (error as Error).message.split("\n")[0]! : details);
    }
  }
}
