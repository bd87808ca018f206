import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const DOORS = { ".": "src/index.ts", "./data": "src/data/index.ts", "./likelihood": "src/likelihood.ts", "./node": "src/node.ts" }; // prettier-ignore

const parse = (file: string) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);

const isExported = (node: ts.Statement) =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

/** Names that a module declares and exports. */
function declared(file: string): string[] {
  const found = parse(file)
    .statements.filter(isExported)
    .flatMap((node) => {
      if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText());
      return [(node as ts.FunctionDeclaration).name!.text];
    });
  return [...new Set(found)]; // overloads
}

/** Names that a door passes on. */
const passedOn = (file: string): string[] =>
  parse(file).statements.flatMap((node) =>
    ts.isExportDeclaration(node) && node.exportClause && ts.isNamedExports(node.exportClause)
      ? node.exportClause.elements.map(({ name }) => name.text)
      : [`${file}: ${node.getText()}`],
  );

const repeated = (names: readonly string[]) => names.filter((name, i) => names.indexOf(name) !== i);

describe("the public surface", () => {
  it("is what package.json exports, and Deno takes the same", () => {
    const json = (name: string) => JSON.parse(readFileSync(name, "utf8")) as Record<string, Record<string, string>>;
    const sources = Object.fromEntries(Object.entries(DOORS).map(([path, file]) => [path, `./${file}`]));
    expect(json("package.json")["exports"]).toEqual(sources);
    const named = Object.entries(sources).map(([path, file]) => [`scorestream${path.slice(1)}`, file]);
    expect(json("deno.json")["imports"]).toEqual(Object.fromEntries(named));
  });

  it("passes on names and does nothing else, each name by one door", () => {
    const names = Object.values(DOORS).flatMap(passedOn);
    expect(names.filter((name) => !/^[A-Za-z]\w*$/.test(name))).toEqual([]);
    expect(repeated(names)).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(["adam", "perturb", "bitsPerDimOf", "perturbExamples", "prepare"]));
  });

  it("is all that pipelines need", () => {
    const files = readdirSync("pipelines", { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const inside = files.filter((name) => readFileSync(`pipelines/${name}`, "utf8").includes("/src/"));
    expect(inside).toEqual([]);
  });
});

it("gives no name to two things in src", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  expect(repeated(files.flatMap((name) => declared(`src/${name}`)))).toEqual([]);
});
