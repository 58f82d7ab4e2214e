import type { LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { askPython } from '../python.ts';

/** What is handed to apt's transport for one file. */
export interface TransportCase {
  readonly layout: string;
  readonly ownerKeys: readonly LayoutKey[];
  readonly links: readonly string[];
  readonly file: Readonly<{ name: string; content: string }>;
}

/**
 * The part of apt-transport-in-toto that decides (intoto.py, _intoto_verify: the link as it came read into in-toto's
 * model, kept under its own name, in_toto_verify in that folder), with the keys given in place of a key ring.
 */
const transport = `
import json, logging, os, sys, tempfile
import in_toto.models.link, in_toto.models.metadata, in_toto.verifylib
logging.disable(logging.CRITICAL)
Metablock, Link = in_toto.models.metadata.Metablock, in_toto.models.link.Link
home = os.getcwd()
def verdict(case):
  with tempfile.TemporaryDirectory() as above:
    folder = os.path.join(above, "verification")
    os.mkdir(folder)
    for text in case["links"]:
      try:
        link = json.loads(text)
        block = Metablock(signatures=link["signatures"], signed=Link.read(link["signed"]))
        name = in_toto.models.link.FILENAME_FORMAT.format(
            keyid=block.signatures[0]["keyid"], step_name=block.signed.name)
        block.dump(os.path.join(folder, name))
      except Exception:
        continue
    with open(os.path.join(folder, case["file"]["name"]), "w") as file:
      file.write(case["file"]["content"])
    with open(os.path.join(above, "layout"), "w") as file:
      file.write(case["layout"])
    os.chdir(folder)
    try:
      layout = Metablock.load(os.path.join(above, "layout"))
      in_toto.verifylib.in_toto_verify(layout, {key["keyid"]: key for key in case["ownerKeys"]})
      return "accepted"
    except Exception as error:
      return type(error).__name__
    finally:
      os.chdir(home)
print(json.dumps([verdict(case) for case in json.load(sys.stdin)]))
`;

/** `accepted`, or the class of in-toto's error, for each case. */
export function askTransport(cases: readonly TransportCase[]): readonly string[] {
  return askPython(transport, cases) as readonly string[];
}
