// Trees as lists of nodes: how viewers and tests read and write them. A page writes the nodes that it has.

import { MAX_DEPTH, NodeKind } from "./messages";
import { Reader, type Tree, type TreeNode, WireError, Writer } from "./wire";

export class TreeWriter extends Writer {
  override tree(tree: Tree): void {
    if (typeof tree !== "function") for (const node of tree) this.#write(node);
    super.tree(tree);
  }

  #write(node: TreeNode): void {
    this.byte(node.kind);
    if (node.kind === NodeKind.Text) {
      this.string(node.text);
    } else if (node.kind === NodeKind.At) {
      this.u32(node.id);
    } else if ("tag" in node) {
      this.string(node.tag);
      this.list(node.attrs, ([name, value]) => {
        this.string(name);
        this.string(value);
      });
    }
  }
}

export class TreeReader extends Reader {
  override tree(): TreeNode[] {
    const nodes: TreeNode[] = [];
    for (let depth = 0; ; ) {
      const kind = this.byte() as NodeKind;
      switch (kind) {
        case NodeKind.End:
          if (depth-- === 0) return nodes;
          nodes.push({ kind });
          break;
        case NodeKind.Text:
          nodes.push({ kind, text: this.string() });
          break;
        case NodeKind.At:
          nodes.push({ kind, id: this.u32() });
          break;
        case NodeKind.Html:
        case NodeKind.Svg:
        case NodeKind.MathMl:
          depth++;
          nodes.push({ kind, tag: this.string(), attrs: this.list(() => [this.string(), this.string()]) });
          break;
        case NodeKind.Shadow:
        case NodeKind.Document:
          depth++;
          nodes.push({ kind });
          break;
        default:
          this.fail("Tree", kind);
      }
      if (depth > MAX_DEPTH) throw new WireError("too deep");
    }
  }
}
