/** The public names: what the doors of the package pass on, with their comments. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

export interface PublicName {
  readonly door: string;
  readonly file: string;
  readonly name: string;
  readonly isOperator: boolean;
  /** The doc comment; empty where there is none. */
  readonly comment: string;
}

const parse = (file: string) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);

const namesOf = (node: ts.Statement): string[] =>
  ts.isVariableStatement(node)
    ? node.declarationList.declarations.map(({ name }) => name.getText())
    : [(node as { name?: ts.Identifier }).name?.text ?? ""];

const commentOf = (node: ts.Statement) =>
  ts
    .getJSDocCommentsAndTags(node)
    .filter(ts.isJSDoc)
    .map((comment) => comment.getText())
    .join("\n");

/** The declarations of a name; those of an overloaded function are several. */
function declarationsOf(file: string, name: string): ts.Statement[] {
  const source = parse(file);
  const found = source.statements.filter((node) => namesOf(node).includes(name));
  if (found.length > 0) return found;
  for (const node of source.statements) {
    if (!ts.isExportDeclaration(node) || !node.moduleSpecifier || !ts.isStringLiteral(node.moduleSpecifier)) continue;
    if (!node.exportClause?.getText().match(new RegExp(`\\b${name}\\b`))) continue;
    return declarationsOf(join(dirname(file), node.moduleSpecifier.text), name);
  }
  return [];
}

/** A function that gives a stage or a source. */
const isStream = (node: ts.Statement) =>
  ts.isFunctionDeclaration(node) && /Observable<|OperatorFunction/.test(node.type?.getText() ?? "");

/** Every name that a door passes on. */
export function publicNames(door: string): PublicName[] {
  return parse(door).statements.flatMap((node) => {
    if (!ts.isExportDeclaration(node) || !node.exportClause || !ts.isNamedExports(node.exportClause)) return [];
    const from = (node.moduleSpecifier as ts.StringLiteral).text;
    // A name of another package, as `z`, has its comment there.
    if (!from.startsWith(".")) return [];
    const file = join(dirname(door), from);
    return node.exportClause.elements.map(({ name: { text: name } }) => {
      const found = declarationsOf(file, name);
      const comment = found.map(commentOf).join("\n").trim();
      return { door, file, name, isOperator: found.some(isStream), comment };
    });
  });
}

/** The code of each `@example` of a comment. */
export const examplesOf = (comment: string): string[] =>
  [...comment.matchAll(/@example\s+\*\s+```ts\n(.*?)```/gs)].map(([, code]) => code!.replace(/^ *\* ?/gm, ""));
