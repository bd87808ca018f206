import { describe, expect, it } from "vitest";
import { ATTR, graphDef, type GraphNode } from "../../src/engine/graph-def.ts";

const FLOAT = 1;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const type = (value: number) => ({ name: "T", type: ATTR.TYPE, value });

const x: GraphNode = { name: "in0", op: "Placeholder", inputs: [], attributes: [type(FLOAT)], outputTypes: [FLOAT] };

describe("graphDef", () => {
  it("holds the nodes, and is the same for the same nodes", () => {
    const split: GraphNode = {
      name: "n0",
      op: "Split",
      inputs: [{ node: x, index: 0 }],
      attributes: [],
      outputTypes: [1, 1],
    };
    const second: GraphNode = {
      name: "out0",
      op: "Neg",
      inputs: [{ node: split, index: 1 }],
      attributes: [],
      outputTypes: [1],
    };
    const bytes = graphDef([x, split, second]);
    for (const part of ["in0", "Placeholder", "n0:1", "out0"]) expect(text(bytes)).toContain(part);
    expect(graphDef([x, split, second])).toEqual(bytes);
  });

  it("writes what a node has to wait for behind its inputs", () => {
    const node: GraphNode = { ...x, name: "n7", op: "Identity", inputs: [{ node: x, index: 0 }] };
    const waits: GraphNode = { ...node, name: "n8", after: [node] };
    expect(text(graphDef([x, node, waits]))).toContain("in0\x1a\x03^n7");
  });

  it("writes every type of attribute", () => {
    const attributes = [
      { name: "pad", type: ATTR.STRING, value: "SAME" },
      { name: "many", type: ATTR.INT, value: [1, 2, 300] },
      { name: "eps", type: ATTR.FLOAT, value: 0.5 },
      { name: "flag", type: ATTR.BOOL, value: true },
      { name: "dims", type: ATTR.SHAPE, value: [2, 3] },
      type(FLOAT),
    ];
    const bytes = text(graphDef([{ name: "n0", op: "Op", inputs: [], attributes, outputTypes: [] }]));
    for (const part of ["pad", "SAME", "many", "\xac\x02", "eps", "\x00\x00\x00\x3f", "flag", "dims"]) {
      expect(bytes).toContain(part);
    }
  });

  it("writes constants byte by byte", () => {
    const constant = { dtype: FLOAT, shape: [2], content: Uint8Array.of(1, 2, 3, 4, 250, 251, 252, 253) };
    const node: GraphNode = { name: "n0", op: "Const", inputs: [], attributes: [], constant, outputTypes: [FLOAT] };
    expect(text(graphDef([node]))).toContain(text(constant.content));
  });

  it("refuses an attribute of a type it does not know", () => {
    const attributes = [{ name: "function", type: 9, value: "f" }];
    expect(() => graphDef([{ name: "n0", op: "Op", inputs: [], attributes, outputTypes: [] }])).toThrow(
      /attribute "function": type 9 cannot be written/,
    );
  });
});
