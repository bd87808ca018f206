/** Attacks by who may join: nodes that come and go at once, stay silent, or lie. None of them delivers anything. */
import { setTimeout as delay } from "node:timers/promises";
import { ExchangeClient, type Attendance } from "../../src/grpc/exchange/client.ts";
import { VERSION } from "../../src/grpc/exchange/definition.ts";
import type { MemberMessage } from "../../src/exchange/messages.ts";
import type { Random } from "./random.ts";
import { helloTo, type Attack, type Target } from "./target.ts";

interface Manners {
  readonly hello?: object;
  /** Answers a view in preparation. */
  readonly answer?: (view: number, attendance: Attendance) => void;
  /** Called once it belongs to the run. */
  readonly onWelcome?: (attendance: Attendance) => void;
}

/** Joins, and leaves after so many ms. */
async function attend(target: Target, stay: number, { hello, answer, onWelcome }: Manners): Promise<string> {
  const client = new ExchangeClient(target, {}, 60_000);
  let how = "no answer";
  let attendance: Attendance;
  const ended = new Promise<void>((resolve) => {
    attendance = client.attend(
      { ...helloTo(target), ...hello },
      {
        onMessage({ welcome, prepare, view }) {
          if (welcome) {
            how = "joined";
            target.seen.runId = welcome.runId;
            onWelcome?.(attendance);
          }
          if (prepare) answer?.(prepare.view, attendance);
          if (view) Object.assign(target.seen, { view: view.view, step: view.step });
        },
        onEnd(error) {
          if (how !== "joined") how = String(error.code);
          resolve();
        },
      },
    );
  });
  await Promise.race([ended, delay(stay)]);
  attendance!.end();
  await Promise.race([ended, delay(1000)]);
  client.close();
  return how;
}

const answerAs =
  (step: number) =>
  (view: number, { send }: Attendance) =>
    send({ ready: { view, step, settled: false, hash: "", hasSum: false } });

function anything({ of, below, bytes }: Random): MemberMessage {
  const view = of([0, 1, 2 ** 31, below(1000)]);
  return of<() => MemberMessage>([
    () => ({ ready: { view, step: of([0, 2 ** 52, below(1e6)]), settled: below(2) === 0, hash: "", hasSum: true } }),
    () => ({
      suspect: {
        view,
        id: below(50),
        reason: bytes(below(3000)).toString("latin1"),
        silent: below(2) === 0,
        patience: 0,
      },
    }),
    () => ({ hello: { version: VERSION, address: "x", rank: 0, config: "{}", parameters: 1, runId: "" } }),
    () => ({}),
  ])();
}

const hellos: readonly ((random: Random) => object)[] = [
  ({ below }) => ({ version: below(2 ** 31) }),
  ({ of }) => ({ parameters: of([0, 1, 2 ** 52]) }),
  ({ of }) => ({ rank: of([1, 2, 3, 2 ** 31]) }),
  ({ of, below }) => ({ address: of(["", ":", ":0", "[::1]:1", "x".repeat(below(1e5)), ":99999", "\n\u001b[31m", "unix:/dev/null"]) }), // prettier-ignore
  ({ of, below, bytes }) => ({ config: of(["", "[]", "null", "{", "[".repeat(below(1e5)), '{"training":null}', bytes(below(2000)).toString("latin1"), `"${"x".repeat(1e6)}"`]) }), // prettier-ignore
  ({ bytes, below }) => ({ runId: bytes(below(100)).toString("latin1") }),
];

/** Only the node that coordinates takes members. */
export const memberAttacks: readonly Attack[] = [
  { name: "join and go", run: (target, random) => attend(target, random.below(300), { answer: answerAs(0) }) },
  {
    name: "strange hello",
    run: (target, random) => attend(target, random.below(300), { hello: random.of(hellos)(random) }),
  },
  {
    name: "storm of joins",
    async run(target, random) {
      const ends = Array.from({ length: 20 }, () => attend(target, random.below(500), { answer: answerAs(0) }));
      return (await Promise.all(ends)).includes("joined") ? "some joined" : "none joined";
    },
  },
  { name: "silent member", run: (target, random) => attend(target, random.below(1500), {}) },
  {
    name: "member of a step to come",
    run: (target, random) => attend(target, random.below(300), { answer: answerAs(random.of([2 ** 52, 1, 1e6])) }),
  },
  {
    name: "member that says anything",
    run: (target, random) =>
      attend(target, random.below(300), {
        answer: (_view, { send }) => send(anything(random)),
        onWelcome({ send }) {
          for (let n = random.below(30); n > 0; n--) send(anything(random));
        },
      }),
  },
];
