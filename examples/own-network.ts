/** A score network of one's own, on small grey images. `npm run pipeline ./examples/own-network.ts` */
import { pipe } from "rxjs";
import {
  activate,
  conv,
  definePipeline,
  denseLayer,
  dequantize,
  examplesOf,
  flip,
  Scope,
  type ScoreModel,
  session,
  type Tensor4D,
  timestepEmbedding,
  trainingLoop,
} from "scorestream";

/** Three convolutions, the second of which knows the time. */
function smallNetwork(shape: readonly [number, number, number], width: number): ScoreModel {
  const scope = Scope.root();
  const embed = denseLayer(scope, width, width);
  const first = conv(scope, shape[2], width);
  const middle = conv(scope, width, width);
  const last = conv(scope, width, shape[2]);
  return {
    shape,
    parameters: scope.specs(),
    apply(context, x: Tensor4D, timeCondition) {
      const time = activate(embed(context, timestepEmbedding(timeCondition, width)), "swish");
      const h = activate(first(context, x), "swish");
      return last(context, activate(middle(context, h, time), "swish"));
    },
  };
}

const shape = [8, 8, 1] as const;
/** Bright squares on dark ground. */
const squares = examplesOf(
  Uint8Array.from({ length: 500 * 64 }, (_, i) => (i % 8 < (i >> 6) % 8 ? 200 : 30)),
  shape,
);

export default definePipeline({
  summary: "a network of three convolutions on squares",
  reaches: "Nothing: it shows where a network goes.",
  defaults: { training: { steps: 200, batchSize: 32 } },
  run: (context) =>
    session(context, { network: smallNetwork(shape, 16) }, (session) => {
      const { seed, data } = context.config;
      const stages = () =>
        pipe(flip<"image">({ seed }), dequantize<"image">("uniform", { seed, centered: data.centered }));
      return {
        train: () => trainingLoop(context, session, { data: squares, column: "image", stages }),
      };
    }),
});
