/** Interleaved measurement: every engine once a round, so that a busy moment of the machine meets all of them. */
import { TITLES, type Engine, type Peer } from "./peer.ts";
import type { Answer, Request } from "./protocol.ts";
import { spread, type Spread } from "./statistics.ts";

export interface Measurement {
  readonly engine: Engine;
  /** Seconds of processor time, for each unit of work. */
  readonly cpu: Spread;
  /** Seconds. */
  readonly wall: Spread;
  /** Wall seconds of the first request, which compiles. */
  readonly first: number;
  /** Bytes. */
  readonly peak: number;
  /** Bytes, not in `peak`. */
  readonly unusedLibraries: number;
  /** All answers, the first one too. */
  readonly answers: readonly Answer[];
  readonly about: Answer;
}

export interface RoundsOptions {
  /** Request that compiles and warms up; not counted. */
  readonly first: Request;
  readonly request: Request;
  /** Units of work in `request`: steps or images. */
  readonly units: number;
  readonly repeats: number;
  readonly say: (text: string) => void;
}

/** The items from the i-th on, then those before it, so that no engine is always the first of a round. */
const rotated = <T>(items: readonly T[], i: number) => items.map((_, k) => items[(i + k) % items.length]!);

export async function measureRounds(
  peers: ReadonlyMap<Engine, Peer>,
  { first, request, units, repeats, say }: RoundsOptions,
): Promise<Measurement[]> {
  const engines = [...peers.keys()];
  const about = new Map<Engine, Answer>();
  const answers = new Map<Engine, Answer[]>();
  for (const [engine, peer] of peers) {
    say(`  ${TITLES[engine]}: first run`);
    about.set(engine, await peer.ask({ do: "about" }));
    answers.set(engine, [await peer.ask(first)]);
  }
  for (let round = 0; round < repeats; round++) {
    say(`  round ${round + 1} of ${repeats}`);
    for (const engine of rotated(engines, round)) answers.get(engine)!.push(await peers.get(engine)!.ask(request));
  }
  return Promise.all(
    [...peers].map(async ([engine, peer]): Promise<Measurement> => {
      const { peak, unusedLibraries } = await peer.ask({ do: "memory" });
      const [warm, ...rest] = answers.get(engine)! as [Answer, ...Answer[]];
      return {
        engine,
        cpu: spread(rest.map(({ cpu }) => cpu! / units)),
        wall: spread(rest.map(({ wall }) => wall! / units)),
        first: warm.wall!,
        peak: peak!,
        unusedLibraries: unusedLibraries!,
        answers: [warm, ...rest],
        about: about.get(engine)!,
      };
    }),
  );
}

/** Ratio of medians; undefined where one of them was not measured. */
export function ratio(
  measurements: readonly Measurement[],
  engine: Engine,
  to: Engine,
  of: (m: Measurement) => number = ({ cpu }) => cpu.median,
): number | undefined {
  const [a, b] = [engine, to].map((name) => measurements.find((m) => m.engine === name));
  return a && b && of(a) / of(b);
}
