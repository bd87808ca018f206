import { expect, it } from "vitest";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { layoutOf } from "../../src/models/parameters.ts";
import { describeFamily } from "./golden.ts";
import { flatParameters, networkConfig } from "./reference-config.ts";

describeFamily("trained", (cases) => {
  it.each(cases.map((golden) => [golden.name, golden] as const))(
    "%s: the parameters have the names and shapes of the configured network",
    (_, golden) => {
      const layout = layoutOf(ncsnpp(networkConfig(golden.config)).parameters);
      const flat = flatParameters(golden, layout, "params/");
      const count = golden.names("params/").reduce((sum, name) => sum + golden.f32(`params/${name}`).length, 0);
      expect(layout.count).toBe(count);
      expect(flat.every(Number.isFinite)).toBe(true);
    },
  );
});
