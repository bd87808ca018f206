/** Type-checks code of the documentation, as it would compile beside the package. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

export interface Snippet {
  /** "README.md:12", for messages. */
  readonly place: string;
  readonly code: string;
}

const CONTEXT = "test/docs/example-context.ts";
/** Modules whose names a fragment may use without an import, the first that has a name wins. */
const KNOWN: readonly (readonly [string, string])[] = [
  [`./${CONTEXT}`, CONTEXT],
  ["scorestream", "src/index.ts"],
  ["scorestream/likelihood", "src/likelihood.ts"],
  ["scorestream/data", "src/data/index.ts"],
];
const RXJS = ["concat", "concatMap", "defer", "EMPTY", "firstValueFrom", "identity", "lastValueFrom", "map", "Observable", "of", "pipe", "take", "tap", "toArray"]; // prettier-ignore

/** Names that a module exports. */
function exportsOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((node) => {
    if (ts.isExportDeclaration(node) && node.exportClause && ts.isNamedExports(node.exportClause)) {
      return node.exportClause.elements.map(({ name }) => name.text);
    }
    return ts.isVariableStatement(node) ? node.declarationList.declarations.map(({ name }) => name.getText()) : [];
  });
}

const known = [...KNOWN.map(([from, file]) => [from, exportsOf(file)] as const), ["rxjs", RXJS] as const];

/** The identifiers of a fragment, and those that it declares itself. Parameters may have the name of an import. */
function namesIn(code: string): { readonly used: ReadonlySet<string>; readonly declared: ReadonlySet<string> } {
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text);
    const declares = ts.isVariableDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isBindingElement(node);
    if (declares && node.name && ts.isIdentifier(node.name)) declared.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("fragment.ts", code, ts.ScriptTarget.Latest, true));
  return { used, declared };
}

/** Code with an import stands by itself; a fragment gets those of the names it uses, on a line before the first. */
export function complete(code: string): string {
  if (/^import /m.test(code)) return code;
  const { used, declared } = namesIn(code);
  const taken = new Set(declared);
  const imports = known.flatMap(([from, names]) => {
    const wanted = names.filter((name) => used.has(name) && !taken.has(name));
    wanted.forEach((name) => taken.add(name));
    return wanted.length ? `import { ${wanted.join(", ")} } from "${from}";` : [];
  });
  return `${imports.join(" ")} export {};\n${code}`;
}

const settings = (): ts.CompilerOptions => {
  const { config } = ts.readConfigFile("tsconfig.json", (name) => ts.sys.readFile(name)) as {
    config: { compilerOptions: Record<string, unknown> };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ".");
  // An example may name a value to show what it is.
  return { ...options, noUnusedLocals: false, noUnusedParameters: false, verbatimModuleSyntax: false };
};

/** The errors of each snippet: "README.md:12: message", the line counted from the snippet's first. */
export function typeErrors(snippets: readonly Snippet[]): string[] {
  const options = settings();
  const texts = new Map(snippets.map(({ code }, i) => [join(process.cwd(), `documentation-${i}.ts`), complete(code)]));
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (name) => texts.get(name) ?? readFile.call(host, name);
  host.fileExists = (name) => texts.has(name) || fileExists.call(host, name);
  host.getSourceFile = (name, version, ...rest) => {
    const text = texts.get(name);
    return text === undefined
      ? getSourceFile.call(host, name, version, ...rest)
      : ts.createSourceFile(name, text, version, true);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].flatMap((name, i) => {
    const file = program.getSourceFile(name)!;
    const { place, code } = snippets[i]!;
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    const before = complete(code) === code ? 0 : 1;
    return found.map(({ start, messageText }) => {
      const line = file.getLineAndCharacterOfPosition(start ?? 0).line + 1 - before;
      return `${place} line ${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  });
}
