/** Descriptions of .proto files for the reflection service. */
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from "@grpc/proto-loader";

interface Field {
  readonly name: string;
  typeName?: string;
}

interface Message {
  name: string;
  readonly field: readonly Field[];
  readonly nestedType: readonly Message[];
  readonly enumType: readonly { readonly name: string }[];
  readonly options: { readonly mapEntry?: boolean } | null;
}

/** The parts of google.protobuf.FileDescriptorProto that are put right here. */
interface File {
  readonly name: string;
  readonly package: string;
  dependency: string[];
  readonly messageType: readonly Message[];
  readonly enumType: readonly { readonly name: string }[];
}

const { serialize, deserialize } = loadSync("google/protobuf/descriptor.proto", { longs: Number, arrays: true })[
  "google.protobuf.FileDescriptorProto"
] as MessageTypeDefinition<File, File>;

/** The name that protoc gives to the entries of a map field. */
const entryName = (field: string) =>
  `${field.replace(/(?:^|_)([a-z\d])/g, (_, letter: string) => letter.toUpperCase())}Entry`;

/** Every message of a file with its full name; `scope` begins with a dot. */
function* messagesOf(messages: readonly Message[], scope: string): Generator<[string, Message]> {
  for (const message of messages) {
    const name = `${scope}.${message.name}`;
    yield [name, message];
    yield* messagesOf(message.nestedType, name);
  }
}

/** Gives the entries of maps their names, and with them the fields that refer to them. */
function nameEntries(message: Message): void {
  for (const entry of message.nestedType) {
    if (!entry.options?.mapEntry) continue;
    const field = message.field.find(({ typeName }) => typeName === entry.name);
    if (!field) continue;
    entry.name = entryName(field.name);
    field.typeName = entry.name;
  }
}

/** The full name that `typeName` has, seen from `scope`: the innermost one there is. */
function resolve(typeName: string, scope: string, known: ReadonlyMap<string, string>): string {
  if (typeName.startsWith(".")) return typeName;
  for (let at = scope; ; at = at.slice(0, at.lastIndexOf("."))) {
    const name = `${at}.${typeName}`;
    if (known.has(name)) return name;
    if (at === "") throw new Error(`descriptors: no type ${typeName} in ${scope}`);
  }
}

/**
 * The descriptions as protoc would make them, in the form that the reflection service takes.
 *
 * proto-loader leaves type names relative, imports out, and map entries with the names of their fields; clients such as
 * grpcurl then find no types.
 *
 * @param protos Files to describe, as paths; the names of fields are kept as they are written there.
 * @param includeDirs Where they are looked for.
 */
export function describeProtos(protos: string[], includeDirs: string[]): PackageDefinition {
  const files = new Map<string, File>();
  for (const { fileDescriptorProtos } of Object.values(loadSync(protos, { keepCase: true, includeDirs }))) {
    for (const bytes of (fileDescriptorProtos ?? []) as Buffer[]) {
      const file = deserialize(bytes);
      if (!files.has(file.name)) files.set(file.name, file);
    }
  }
  /** The file of every type, by full name. */
  const known = new Map<string, string>();
  const scopes: [string, Message, File][] = [];
  for (const file of files.values()) {
    const scope = file.package && `.${file.package}`;
    for (const { name } of file.enumType) known.set(`${scope}.${name}`, file.name);
    for (const [, message] of messagesOf(file.messageType, scope)) nameEntries(message);
    for (const [name, message] of messagesOf(file.messageType, scope)) {
      known.set(name, file.name);
      for (const value of message.enumType) known.set(`${name}.${value.name}`, file.name);
      scopes.push([name, message, file]);
    }
  }
  for (const [scope, message, file] of scopes) {
    for (const field of message.field) {
      if (!field.typeName) continue;
      field.typeName = resolve(field.typeName, scope, known);
      const source = known.get(field.typeName)!;
      if (source !== file.name && !file.dependency.includes(source)) file.dependency.push(source);
    }
  }
  return Object.fromEntries(
    [...files].map(([name, file]) => [name, { fileDescriptorProtos: [serialize(file)] }]),
  ) as never;
}
