// Generated from src/protocol by `LADO_WRITE=1 cargo test -q typescript`. Do not edit.

import type { Reader, Tree, Writer } from "./wire";

export const VERSION = 1;
export const MASK = "••••••";
export const MAX_DEPTH = 1024;
export const MAX_MESSAGE = 16777216;
export const MAX_STRING = 64;
export const MAX_ENTRIES = 8192;
export const SUM_GROUP = 64;

export const enum NodeKind {
  End = 0,
  Html = 1,
  Svg = 2,
  MathMl = 3,
  Text = 4,
  Shadow = 5,
  Document = 6,
  At = 7,
}

export interface Viewport {
  width: number;
  height: number;
  density: number;
}

export function writeViewport(w: Writer, m: Viewport): void {
  w.u32(m.width);
  w.u32(m.height);
  w.u32(m.density);
}

export function readViewport(r: Reader): Viewport {
  return {
    width: r.u32(),
    height: r.u32(),
    density: r.u32(),
  };
}

export interface Attr {
  name: string;
  value: string;
}

export function writeAttr(w: Writer, m: Attr): void {
  w.string(m.name);
  w.string(m.value);
}

export function readAttr(r: Reader): Attr {
  return {
    name: r.string(),
    value: r.string(),
  };
}

export const enum Level {
  Look = 1,
  Point = 2,
  Control = 3,
}

export const enum Cap {
  Nodes = 1,
  Bytes = 2,
  Depth = 3,
  Changes = 4,
}

export const enum Button {
  Left = 0,
  Middle = 1,
  Right = 2,
}

export const enum Layer {
  None = 0,
  Modal = 1,
  Popover = 2,
  Fullscreen = 3,
}

export const enum Native {
  Alert = 1,
  Confirm = 2,
  Prompt = 3,
  File = 4,
  Date = 5,
  Color = 6,
  Permission = 7,
  Print = 8,
  Download = 9,
  Leave = 10,
  Share = 11,
  Credential = 12,
}

export const enum OpTag {
  Snapshot = 1,
  Insert = 2,
  Move = 3,
  Remove = 4,
  SetAttr = 5,
  SetText = 6,
  SetValue = 7,
  SetChecked = 8,
  SetSelected = 9,
  Scroll = 10,
  Resize = 11,
  SetTitle = 12,
  SetUrl = 13,
  Focus = 14,
  SetSheet = 15,
  SetAdopted = 16,
  Opaque = 17,
  DefineSheet = 60,
  Adopt = 61,
  InsertRule = 62,
  SetRule = 63,
  DeleteRule = 64,
  DisableSheet = 65,
  Select = 66,
  Caret = 67,
  Picture = 68,
  Play = 69,
  SetLayer = 70,
  Hover = 71,
  Press = 72,
  Ring = 73,
  Features = 74,
  OpenList = 75,
  View = 76,
  Quirks = 77,
  Check = 40,
}

export type Op =
  | { tag: OpTag.Snapshot; epoch: number; base: number; url: string; baseUrl: string; title: string; quirks: boolean; viewport: Viewport; scrollX: number; scrollY: number; tree: Tree }
  | { tag: OpTag.Insert; parent: number; prev: number; base: number; tree: Tree }
  | { tag: OpTag.Move; node: number; parent: number; prev: number }
  | { tag: OpTag.Remove; nodes: readonly number[] }
  | { tag: OpTag.SetAttr; node: number; name: string; value: string | null }
  | { tag: OpTag.SetText; node: number; text: string }
  | { tag: OpTag.SetValue; node: number; value: string }
  | { tag: OpTag.SetChecked; node: number; checked: boolean; indeterminate: boolean }
  | { tag: OpTag.SetSelected; node: number; options: readonly number[] }
  | { tag: OpTag.Scroll; node: number; x: number; y: number }
  | { tag: OpTag.Resize; viewport: Viewport }
  | { tag: OpTag.SetTitle; title: string }
  | { tag: OpTag.SetUrl; url: string }
  | { tag: OpTag.Focus; node: number }
  | { tag: OpTag.SetSheet; node: number; css: string }
  | { tag: OpTag.SetAdopted; node: number; sheets: readonly string[] }
  | { tag: OpTag.Opaque; node: number }
  | { tag: OpTag.DefineSheet; sheet: number; css: string }
  | { tag: OpTag.Adopt; node: number; sheets: readonly number[] }
  | { tag: OpTag.InsertRule; node: number; sheet: number; path: readonly number[]; css: string }
  | { tag: OpTag.SetRule; node: number; sheet: number; path: readonly number[]; css: string }
  | { tag: OpTag.DeleteRule; node: number; sheet: number; path: readonly number[] }
  | { tag: OpTag.DisableSheet; node: number; sheet: number; disabled: boolean }
  | { tag: OpTag.Select; anchor: number; anchorOffset: number; focus: number; focusOffset: number }
  | { tag: OpTag.Caret; node: number; start: number; end: number }
  | { tag: OpTag.Picture; node: number; image: Uint8Array }
  | { tag: OpTag.Play; node: number; paused: boolean; time: number; rate: number; muted: boolean }
  | { tag: OpTag.SetLayer; node: number; layer: Layer }
  | { tag: OpTag.Hover; node: number }
  | { tag: OpTag.Press; node: number }
  | { tag: OpTag.Ring; node: number }
  | { tag: OpTag.Features; matched: readonly string[] }
  | { tag: OpTag.OpenList; node: number; open: boolean }
  | { tag: OpTag.View; x: number; y: number; width: number; height: number; scale: number; bar: number }
  | { tag: OpTag.Quirks; node: number; quirks: boolean }
  | { tag: OpTag.Check; node: number; sums: readonly number[] };

export function writeOp(w: Writer, m: Op): void {
  w.byte(m.tag);
  switch (m.tag) {
    case OpTag.Snapshot:
      w.u32(m.epoch);
      w.u32(m.base);
      w.string(m.url);
      w.string(m.baseUrl);
      w.string(m.title);
      w.bool(m.quirks);
      writeViewport(w, m.viewport);
      w.i32(m.scrollX);
      w.i32(m.scrollY);
      w.tree(m.tree);
      break;
    case OpTag.Insert:
      w.u32(m.parent);
      w.u32(m.prev);
      w.u32(m.base);
      w.tree(m.tree);
      break;
    case OpTag.Move:
      w.u32(m.node);
      w.u32(m.parent);
      w.u32(m.prev);
      break;
    case OpTag.Remove:
      w.list(m.nodes, (x) => w.u32(x));
      break;
    case OpTag.SetAttr:
      w.u32(m.node);
      w.string(m.name);
      w.option(m.value, (x) => w.string(x));
      break;
    case OpTag.SetText:
      w.u32(m.node);
      w.string(m.text);
      break;
    case OpTag.SetValue:
      w.u32(m.node);
      w.string(m.value);
      break;
    case OpTag.SetChecked:
      w.u32(m.node);
      w.bool(m.checked);
      w.bool(m.indeterminate);
      break;
    case OpTag.SetSelected:
      w.u32(m.node);
      w.list(m.options, (x) => w.u32(x));
      break;
    case OpTag.Scroll:
      w.u32(m.node);
      w.i32(m.x);
      w.i32(m.y);
      break;
    case OpTag.Resize:
      writeViewport(w, m.viewport);
      break;
    case OpTag.SetTitle:
      w.string(m.title);
      break;
    case OpTag.SetUrl:
      w.string(m.url);
      break;
    case OpTag.Focus:
      w.u32(m.node);
      break;
    case OpTag.SetSheet:
      w.u32(m.node);
      w.string(m.css);
      break;
    case OpTag.SetAdopted:
      w.u32(m.node);
      w.list(m.sheets, (x) => w.string(x));
      break;
    case OpTag.Opaque:
      w.u32(m.node);
      break;
    case OpTag.DefineSheet:
      w.u32(m.sheet);
      w.string(m.css);
      break;
    case OpTag.Adopt:
      w.u32(m.node);
      w.list(m.sheets, (x) => w.u32(x));
      break;
    case OpTag.InsertRule:
      w.u32(m.node);
      w.u32(m.sheet);
      w.list(m.path, (x) => w.u32(x));
      w.string(m.css);
      break;
    case OpTag.SetRule:
      w.u32(m.node);
      w.u32(m.sheet);
      w.list(m.path, (x) => w.u32(x));
      w.string(m.css);
      break;
    case OpTag.DeleteRule:
      w.u32(m.node);
      w.u32(m.sheet);
      w.list(m.path, (x) => w.u32(x));
      break;
    case OpTag.DisableSheet:
      w.u32(m.node);
      w.u32(m.sheet);
      w.bool(m.disabled);
      break;
    case OpTag.Select:
      w.u32(m.anchor);
      w.u32(m.anchorOffset);
      w.u32(m.focus);
      w.u32(m.focusOffset);
      break;
    case OpTag.Caret:
      w.u32(m.node);
      w.u32(m.start);
      w.u32(m.end);
      break;
    case OpTag.Picture:
      w.u32(m.node);
      w.bytes(m.image);
      break;
    case OpTag.Play:
      w.u32(m.node);
      w.bool(m.paused);
      w.u32(m.time);
      w.u32(m.rate);
      w.bool(m.muted);
      break;
    case OpTag.SetLayer:
      w.u32(m.node);
      w.byte(m.layer);
      break;
    case OpTag.Hover:
      w.u32(m.node);
      break;
    case OpTag.Press:
      w.u32(m.node);
      break;
    case OpTag.Ring:
      w.u32(m.node);
      break;
    case OpTag.Features:
      w.list(m.matched, (x) => w.string(x));
      break;
    case OpTag.OpenList:
      w.u32(m.node);
      w.bool(m.open);
      break;
    case OpTag.View:
      w.i32(m.x);
      w.i32(m.y);
      w.u32(m.width);
      w.u32(m.height);
      w.u32(m.scale);
      w.u32(m.bar);
      break;
    case OpTag.Quirks:
      w.u32(m.node);
      w.bool(m.quirks);
      break;
    case OpTag.Check:
      w.u32(m.node);
      w.list(m.sums, (x) => w.u32(x));
      break;
  }
}

export function readOp(r: Reader): Op {
  const tag = r.byte();
  switch (tag) {
    case OpTag.Snapshot:
      return { tag, epoch: r.u32(), base: r.u32(), url: r.string(), baseUrl: r.string(), title: r.string(), quirks: r.bool(), viewport: readViewport(r), scrollX: r.i32(), scrollY: r.i32(), tree: r.tree() };
    case OpTag.Insert:
      return { tag, parent: r.u32(), prev: r.u32(), base: r.u32(), tree: r.tree() };
    case OpTag.Move:
      return { tag, node: r.u32(), parent: r.u32(), prev: r.u32() };
    case OpTag.Remove:
      return { tag, nodes: r.list(() => r.u32()) };
    case OpTag.SetAttr:
      return { tag, node: r.u32(), name: r.string(), value: r.option(() => r.string()) };
    case OpTag.SetText:
      return { tag, node: r.u32(), text: r.string() };
    case OpTag.SetValue:
      return { tag, node: r.u32(), value: r.string() };
    case OpTag.SetChecked:
      return { tag, node: r.u32(), checked: r.bool(), indeterminate: r.bool() };
    case OpTag.SetSelected:
      return { tag, node: r.u32(), options: r.list(() => r.u32()) };
    case OpTag.Scroll:
      return { tag, node: r.u32(), x: r.i32(), y: r.i32() };
    case OpTag.Resize:
      return { tag, viewport: readViewport(r) };
    case OpTag.SetTitle:
      return { tag, title: r.string() };
    case OpTag.SetUrl:
      return { tag, url: r.string() };
    case OpTag.Focus:
      return { tag, node: r.u32() };
    case OpTag.SetSheet:
      return { tag, node: r.u32(), css: r.string() };
    case OpTag.SetAdopted:
      return { tag, node: r.u32(), sheets: r.list(() => r.string()) };
    case OpTag.Opaque:
      return { tag, node: r.u32() };
    case OpTag.DefineSheet:
      return { tag, sheet: r.u32(), css: r.string() };
    case OpTag.Adopt:
      return { tag, node: r.u32(), sheets: r.list(() => r.u32()) };
    case OpTag.InsertRule:
      return { tag, node: r.u32(), sheet: r.u32(), path: r.list(() => r.u32()), css: r.string() };
    case OpTag.SetRule:
      return { tag, node: r.u32(), sheet: r.u32(), path: r.list(() => r.u32()), css: r.string() };
    case OpTag.DeleteRule:
      return { tag, node: r.u32(), sheet: r.u32(), path: r.list(() => r.u32()) };
    case OpTag.DisableSheet:
      return { tag, node: r.u32(), sheet: r.u32(), disabled: r.bool() };
    case OpTag.Select:
      return { tag, anchor: r.u32(), anchorOffset: r.u32(), focus: r.u32(), focusOffset: r.u32() };
    case OpTag.Caret:
      return { tag, node: r.u32(), start: r.u32(), end: r.u32() };
    case OpTag.Picture:
      return { tag, node: r.u32(), image: r.bytes() };
    case OpTag.Play:
      return { tag, node: r.u32(), paused: r.bool(), time: r.u32(), rate: r.u32(), muted: r.bool() };
    case OpTag.SetLayer:
      return { tag, node: r.u32(), layer: r.byte() as Layer };
    case OpTag.Hover:
      return { tag, node: r.u32() };
    case OpTag.Press:
      return { tag, node: r.u32() };
    case OpTag.Ring:
      return { tag, node: r.u32() };
    case OpTag.Features:
      return { tag, matched: r.list(() => r.string()) };
    case OpTag.OpenList:
      return { tag, node: r.u32(), open: r.bool() };
    case OpTag.View:
      return { tag, x: r.i32(), y: r.i32(), width: r.u32(), height: r.u32(), scale: r.u32(), bar: r.u32() };
    case OpTag.Quirks:
      return { tag, node: r.u32(), quirks: r.bool() };
    case OpTag.Check:
      return { tag, node: r.u32(), sums: r.list(() => r.u32()) };
    default:
      return r.fail("Op", tag);
  }
}

export const enum PageMessageTag {
  Hello = 1,
  Batch = 2,
  Visible = 3,
  Pointer = 4,
  Done = 5,
  Restart = 6,
  Hide = 7,
  Pause = 8,
  Secret = 9,
  Pressed = 10,
  Native = 20,
  TooLarge = 40,
}

export type PageMessage =
  | { tag: PageMessageTag.Hello; version: number; page: string; tab: string; url: string; sent: number; visible: boolean }
  | { tag: PageMessageTag.Batch; seq: number; ops: readonly Op[] }
  | { tag: PageMessageTag.Visible; visible: boolean }
  | { tag: PageMessageTag.Pointer; x: number; y: number }
  | { tag: PageMessageTag.Done; id: number; refusal: Refusal | null }
  | { tag: PageMessageTag.Restart }
  | { tag: PageMessageTag.Hide; node: number }
  | { tag: PageMessageTag.Pause }
  | { tag: PageMessageTag.Secret; field: number; value: string; done: boolean }
  | { tag: PageMessageTag.Pressed; x: number; y: number }
  | { tag: PageMessageTag.Native; native: Native; shown: boolean; text: string }
  | { tag: PageMessageTag.TooLarge };

export function writePageMessage(w: Writer, m: PageMessage): void {
  w.byte(m.tag);
  switch (m.tag) {
    case PageMessageTag.Hello:
      w.u32(m.version);
      w.string(m.page);
      w.string(m.tab);
      w.string(m.url);
      w.u32(m.sent);
      w.bool(m.visible);
      break;
    case PageMessageTag.Batch:
      w.u32(m.seq);
      w.list(m.ops, (x) => writeOp(w, x));
      break;
    case PageMessageTag.Visible:
      w.bool(m.visible);
      break;
    case PageMessageTag.Pointer:
      w.i32(m.x);
      w.i32(m.y);
      break;
    case PageMessageTag.Done:
      w.u32(m.id);
      w.option(m.refusal, (x) => w.byte(x));
      break;
    case PageMessageTag.Restart:
      break;
    case PageMessageTag.Hide:
      w.u32(m.node);
      break;
    case PageMessageTag.Pause:
      break;
    case PageMessageTag.Secret:
      w.u32(m.field);
      w.string(m.value);
      w.bool(m.done);
      break;
    case PageMessageTag.Pressed:
      w.i32(m.x);
      w.i32(m.y);
      break;
    case PageMessageTag.Native:
      w.byte(m.native);
      w.bool(m.shown);
      w.string(m.text);
      break;
    case PageMessageTag.TooLarge:
      break;
  }
}

export function readPageMessage(r: Reader): PageMessage {
  const tag = r.byte();
  switch (tag) {
    case PageMessageTag.Hello:
      return { tag, version: r.u32(), page: r.string(), tab: r.string(), url: r.string(), sent: r.u32(), visible: r.bool() };
    case PageMessageTag.Batch:
      return { tag, seq: r.u32(), ops: r.list(() => readOp(r)) };
    case PageMessageTag.Visible:
      return { tag, visible: r.bool() };
    case PageMessageTag.Pointer:
      return { tag, x: r.i32(), y: r.i32() };
    case PageMessageTag.Done:
      return { tag, id: r.u32(), refusal: r.option(() => r.byte() as Refusal) };
    case PageMessageTag.Restart:
      return { tag };
    case PageMessageTag.Hide:
      return { tag, node: r.u32() };
    case PageMessageTag.Pause:
      return { tag };
    case PageMessageTag.Secret:
      return { tag, field: r.u32(), value: r.string(), done: r.bool() };
    case PageMessageTag.Pressed:
      return { tag, x: r.i32(), y: r.i32() };
    case PageMessageTag.Native:
      return { tag, native: r.byte() as Native, shown: r.bool(), text: r.string() };
    case PageMessageTag.TooLarge:
      return { tag };
    default:
      return r.fail("PageMessage", tag);
  }
}

export const enum PageCommandTag {
  Welcome = 1,
  Ack = 2,
  Resync = 3,
  Act = 4,
  Pointer = 5,
  SetLevel = 6,
  Ended = 7,
  Reconnect = 8,
  Watched = 9,
  Paused = 10,
  Rules = 11,
  Beat = 12,
  Draw = 13,
  Erase = 14,
  Mend = 40,
}

export type PageCommand =
  | { tag: PageCommandTag.Welcome; version: number; received: number; snapshot: boolean; level: Level }
  | { tag: PageCommandTag.Ack; seq: number }
  | { tag: PageCommandTag.Resync }
  | { tag: PageCommandTag.Act; id: number; action: Action }
  | { tag: PageCommandTag.Pointer; participant: number; name: string; role: string; shown: boolean; x: number; y: number }
  | { tag: PageCommandTag.SetLevel; level: Level }
  | { tag: PageCommandTag.Ended }
  | { tag: PageCommandTag.Reconnect; after: number }
  | { tag: PageCommandTag.Watched; viewers: number }
  | { tag: PageCommandTag.Paused; paused: boolean }
  | { tag: PageCommandTag.Rules; json: string }
  | { tag: PageCommandTag.Beat }
  | { tag: PageCommandTag.Draw; drawing: Drawing }
  | { tag: PageCommandTag.Erase; participant: number; id: number }
  | { tag: PageCommandTag.Mend; node: number };

export function writePageCommand(w: Writer, m: PageCommand): void {
  w.byte(m.tag);
  switch (m.tag) {
    case PageCommandTag.Welcome:
      w.u32(m.version);
      w.u32(m.received);
      w.bool(m.snapshot);
      w.byte(m.level);
      break;
    case PageCommandTag.Ack:
      w.u32(m.seq);
      break;
    case PageCommandTag.Resync:
      break;
    case PageCommandTag.Act:
      w.u32(m.id);
      writeAction(w, m.action);
      break;
    case PageCommandTag.Pointer:
      w.u32(m.participant);
      w.string(m.name);
      w.string(m.role);
      w.bool(m.shown);
      w.i32(m.x);
      w.i32(m.y);
      break;
    case PageCommandTag.SetLevel:
      w.byte(m.level);
      break;
    case PageCommandTag.Ended:
      break;
    case PageCommandTag.Reconnect:
      w.u32(m.after);
      break;
    case PageCommandTag.Watched:
      w.u32(m.viewers);
      break;
    case PageCommandTag.Paused:
      w.bool(m.paused);
      break;
    case PageCommandTag.Rules:
      w.string(m.json);
      break;
    case PageCommandTag.Beat:
      break;
    case PageCommandTag.Draw:
      writeDrawing(w, m.drawing);
      break;
    case PageCommandTag.Erase:
      w.u32(m.participant);
      w.u32(m.id);
      break;
    case PageCommandTag.Mend:
      w.u32(m.node);
      break;
  }
}

export function readPageCommand(r: Reader): PageCommand {
  const tag = r.byte();
  switch (tag) {
    case PageCommandTag.Welcome:
      return { tag, version: r.u32(), received: r.u32(), snapshot: r.bool(), level: r.byte() as Level };
    case PageCommandTag.Ack:
      return { tag, seq: r.u32() };
    case PageCommandTag.Resync:
      return { tag };
    case PageCommandTag.Act:
      return { tag, id: r.u32(), action: readAction(r) };
    case PageCommandTag.Pointer:
      return { tag, participant: r.u32(), name: r.string(), role: r.string(), shown: r.bool(), x: r.i32(), y: r.i32() };
    case PageCommandTag.SetLevel:
      return { tag, level: r.byte() as Level };
    case PageCommandTag.Ended:
      return { tag };
    case PageCommandTag.Reconnect:
      return { tag, after: r.u32() };
    case PageCommandTag.Watched:
      return { tag, viewers: r.u32() };
    case PageCommandTag.Paused:
      return { tag, paused: r.bool() };
    case PageCommandTag.Rules:
      return { tag, json: r.string() };
    case PageCommandTag.Beat:
      return { tag };
    case PageCommandTag.Draw:
      return { tag, drawing: readDrawing(r) };
    case PageCommandTag.Erase:
      return { tag, participant: r.u32(), id: r.u32() };
    case PageCommandTag.Mend:
      return { tag, node: r.u32() };
    default:
      return r.fail("PageCommand", tag);
  }
}

export const enum ShapeTag {
  Pen = 1,
  Arrow = 2,
  Rectangle = 3,
  Text = 4,
  Highlight = 5,
  Ping = 6,
  Trail = 7,
}

export type Shape =
  | { tag: ShapeTag.Pen; node: number; points: readonly number[] }
  | { tag: ShapeTag.Arrow; node: number; x1: number; y1: number; x2: number; y2: number }
  | { tag: ShapeTag.Rectangle; node: number; x1: number; y1: number; x2: number; y2: number }
  | { tag: ShapeTag.Text; node: number; x: number; y: number; text: string }
  | { tag: ShapeTag.Highlight; node: number }
  | { tag: ShapeTag.Ping; node: number; x: number; y: number }
  | { tag: ShapeTag.Trail; node: number; points: readonly number[] };

export function writeShape(w: Writer, m: Shape): void {
  w.byte(m.tag);
  switch (m.tag) {
    case ShapeTag.Pen:
      w.u32(m.node);
      w.list(m.points, (x) => w.i32(x));
      break;
    case ShapeTag.Arrow:
      w.u32(m.node);
      w.i32(m.x1);
      w.i32(m.y1);
      w.i32(m.x2);
      w.i32(m.y2);
      break;
    case ShapeTag.Rectangle:
      w.u32(m.node);
      w.i32(m.x1);
      w.i32(m.y1);
      w.i32(m.x2);
      w.i32(m.y2);
      break;
    case ShapeTag.Text:
      w.u32(m.node);
      w.i32(m.x);
      w.i32(m.y);
      w.string(m.text);
      break;
    case ShapeTag.Highlight:
      w.u32(m.node);
      break;
    case ShapeTag.Ping:
      w.u32(m.node);
      w.i32(m.x);
      w.i32(m.y);
      break;
    case ShapeTag.Trail:
      w.u32(m.node);
      w.list(m.points, (x) => w.i32(x));
      break;
  }
}

export function readShape(r: Reader): Shape {
  const tag = r.byte();
  switch (tag) {
    case ShapeTag.Pen:
      return { tag, node: r.u32(), points: r.list(() => r.i32()) };
    case ShapeTag.Arrow:
      return { tag, node: r.u32(), x1: r.i32(), y1: r.i32(), x2: r.i32(), y2: r.i32() };
    case ShapeTag.Rectangle:
      return { tag, node: r.u32(), x1: r.i32(), y1: r.i32(), x2: r.i32(), y2: r.i32() };
    case ShapeTag.Text:
      return { tag, node: r.u32(), x: r.i32(), y: r.i32(), text: r.string() };
    case ShapeTag.Highlight:
      return { tag, node: r.u32() };
    case ShapeTag.Ping:
      return { tag, node: r.u32(), x: r.i32(), y: r.i32() };
    case ShapeTag.Trail:
      return { tag, node: r.u32(), points: r.list(() => r.i32()) };
    default:
      return r.fail("Shape", tag);
  }
}

export interface Drawing {
  participant: number;
  name: string;
  role: string;
  id: number;
  colour: number;
  stays: boolean;
  shape: Shape;
}

export function writeDrawing(w: Writer, m: Drawing): void {
  w.u32(m.participant);
  w.string(m.name);
  w.string(m.role);
  w.u32(m.id);
  w.u32(m.colour);
  w.bool(m.stays);
  writeShape(w, m.shape);
}

export function readDrawing(r: Reader): Drawing {
  return {
    participant: r.u32(),
    name: r.string(),
    role: r.string(),
    id: r.u32(),
    colour: r.u32(),
    stays: r.bool(),
    shape: readShape(r),
  };
}

export const enum ActionTag {
  Click = 1,
  Type = 2,
  Key = 3,
  SetValue = 4,
  Scroll = 5,
  Focus = 6,
  Hover = 7,
  Back = 8,
  Forward = 9,
  Reload = 10,
  Navigate = 11,
  Select = 12,
  Drag = 20,
}

export type Action =
  | { tag: ActionTag.Click; node: number; x: number; y: number; button: Button; count: number }
  | { tag: ActionTag.Type; node: number; text: string }
  | { tag: ActionTag.Key; node: number; key: string; shift: boolean; ctrl: boolean; alt: boolean; meta: boolean }
  | { tag: ActionTag.SetValue; node: number; value: string }
  | { tag: ActionTag.Scroll; node: number; x: number; y: number }
  | { tag: ActionTag.Focus; node: number }
  | { tag: ActionTag.Hover; node: number; x: number; y: number }
  | { tag: ActionTag.Back }
  | { tag: ActionTag.Forward }
  | { tag: ActionTag.Reload }
  | { tag: ActionTag.Navigate; url: string }
  | { tag: ActionTag.Select; node: number; options: readonly number[] }
  | { tag: ActionTag.Drag; node: number; x: number; y: number; to: number; toX: number; toY: number };

export function writeAction(w: Writer, m: Action): void {
  w.byte(m.tag);
  switch (m.tag) {
    case ActionTag.Click:
      w.u32(m.node);
      w.u32(m.x);
      w.u32(m.y);
      w.byte(m.button);
      w.u32(m.count);
      break;
    case ActionTag.Type:
      w.u32(m.node);
      w.string(m.text);
      break;
    case ActionTag.Key:
      w.u32(m.node);
      w.string(m.key);
      w.bool(m.shift);
      w.bool(m.ctrl);
      w.bool(m.alt);
      w.bool(m.meta);
      break;
    case ActionTag.SetValue:
      w.u32(m.node);
      w.string(m.value);
      break;
    case ActionTag.Scroll:
      w.u32(m.node);
      w.i32(m.x);
      w.i32(m.y);
      break;
    case ActionTag.Focus:
      w.u32(m.node);
      break;
    case ActionTag.Hover:
      w.u32(m.node);
      w.u32(m.x);
      w.u32(m.y);
      break;
    case ActionTag.Back:
      break;
    case ActionTag.Forward:
      break;
    case ActionTag.Reload:
      break;
    case ActionTag.Navigate:
      w.string(m.url);
      break;
    case ActionTag.Select:
      w.u32(m.node);
      w.list(m.options, (x) => w.u32(x));
      break;
    case ActionTag.Drag:
      w.u32(m.node);
      w.u32(m.x);
      w.u32(m.y);
      w.u32(m.to);
      w.u32(m.toX);
      w.u32(m.toY);
      break;
  }
}

export function readAction(r: Reader): Action {
  const tag = r.byte();
  switch (tag) {
    case ActionTag.Click:
      return { tag, node: r.u32(), x: r.u32(), y: r.u32(), button: r.byte() as Button, count: r.u32() };
    case ActionTag.Type:
      return { tag, node: r.u32(), text: r.string() };
    case ActionTag.Key:
      return { tag, node: r.u32(), key: r.string(), shift: r.bool(), ctrl: r.bool(), alt: r.bool(), meta: r.bool() };
    case ActionTag.SetValue:
      return { tag, node: r.u32(), value: r.string() };
    case ActionTag.Scroll:
      return { tag, node: r.u32(), x: r.i32(), y: r.i32() };
    case ActionTag.Focus:
      return { tag, node: r.u32() };
    case ActionTag.Hover:
      return { tag, node: r.u32(), x: r.u32(), y: r.u32() };
    case ActionTag.Back:
      return { tag };
    case ActionTag.Forward:
      return { tag };
    case ActionTag.Reload:
      return { tag };
    case ActionTag.Navigate:
      return { tag, url: r.string() };
    case ActionTag.Select:
      return { tag, node: r.u32(), options: r.list(() => r.u32()) };
    case ActionTag.Drag:
      return { tag, node: r.u32(), x: r.u32(), y: r.u32(), to: r.u32(), toX: r.u32(), toY: r.u32() };
    default:
      return r.fail("Action", tag);
  }
}

export const enum Refusal {
  Locked = 1,
  Masked = 2,
  NotAllowed = 3,
  Gone = 4,
  NotPossible = 5,
  Paused = 6,
  Asked = 20,
}

export interface Tab {
  id: number;
  title: string;
  url: string;
  visible: boolean;
}

export function writeTab(w: Writer, m: Tab): void {
  w.u32(m.id);
  w.string(m.title);
  w.string(m.url);
  w.bool(m.visible);
}

export function readTab(r: Reader): Tab {
  return {
    id: r.u32(),
    title: r.string(),
    url: r.string(),
    visible: r.bool(),
  };
}

export const enum Meeting {
  NotAllowed = 1,
  Failed = 2,
  Pdf = 3,
  Image = 4,
  Download = 5,
  Document = 6,
  BotWall = 7,
  SignIn = 8,
}

export const enum ViewerRequestTag {
  Hello = 1,
  Act = 2,
  Pointer = 3,
  Resync = 4,
  Draw = 5,
  Erase = 6,
  Watch = 7,
}

export type ViewerRequest =
  | { tag: ViewerRequestTag.Hello; version: number; ticket: string }
  | { tag: ViewerRequestTag.Act; id: number; action: Action }
  | { tag: ViewerRequestTag.Pointer; shown: boolean; x: number; y: number }
  | { tag: ViewerRequestTag.Resync }
  | { tag: ViewerRequestTag.Draw; id: number; colour: number; stays: boolean; shape: Shape }
  | { tag: ViewerRequestTag.Erase; id: number }
  | { tag: ViewerRequestTag.Watch; tab: number | null };

export function writeViewerRequest(w: Writer, m: ViewerRequest): void {
  w.byte(m.tag);
  switch (m.tag) {
    case ViewerRequestTag.Hello:
      w.u32(m.version);
      w.string(m.ticket);
      break;
    case ViewerRequestTag.Act:
      w.u32(m.id);
      writeAction(w, m.action);
      break;
    case ViewerRequestTag.Pointer:
      w.bool(m.shown);
      w.i32(m.x);
      w.i32(m.y);
      break;
    case ViewerRequestTag.Resync:
      break;
    case ViewerRequestTag.Draw:
      w.u32(m.id);
      w.u32(m.colour);
      w.bool(m.stays);
      writeShape(w, m.shape);
      break;
    case ViewerRequestTag.Erase:
      w.u32(m.id);
      break;
    case ViewerRequestTag.Watch:
      w.option(m.tab, (x) => w.u32(x));
      break;
  }
}

export function readViewerRequest(r: Reader): ViewerRequest {
  const tag = r.byte();
  switch (tag) {
    case ViewerRequestTag.Hello:
      return { tag, version: r.u32(), ticket: r.string() };
    case ViewerRequestTag.Act:
      return { tag, id: r.u32(), action: readAction(r) };
    case ViewerRequestTag.Pointer:
      return { tag, shown: r.bool(), x: r.i32(), y: r.i32() };
    case ViewerRequestTag.Resync:
      return { tag };
    case ViewerRequestTag.Draw:
      return { tag, id: r.u32(), colour: r.u32(), stays: r.bool(), shape: readShape(r) };
    case ViewerRequestTag.Erase:
      return { tag, id: r.u32() };
    case ViewerRequestTag.Watch:
      return { tag, tab: r.option(() => r.u32()) };
    default:
      return r.fail("ViewerRequest", tag);
  }
}

export const enum ViewerMessageTag {
  Ops = 1,
  Notice = 2,
}

export type ViewerMessage =
  | { tag: ViewerMessageTag.Ops; seq: number; ops: readonly Op[] }
  | { tag: ViewerMessageTag.Notice; notice: ViewerNotice };

export function writeViewerMessage(w: Writer, m: ViewerMessage): void {
  w.byte(m.tag);
  switch (m.tag) {
    case ViewerMessageTag.Ops:
      w.u32(m.seq);
      w.list(m.ops, (x) => writeOp(w, x));
      break;
    case ViewerMessageTag.Notice:
      writeViewerNotice(w, m.notice);
      break;
  }
}

export function readViewerMessage(r: Reader): ViewerMessage {
  const tag = r.byte();
  switch (tag) {
    case ViewerMessageTag.Ops:
      return { tag, seq: r.u32(), ops: r.list(() => readOp(r)) };
    case ViewerMessageTag.Notice:
      return { tag, notice: readViewerNotice(r) };
    default:
      return r.fail("ViewerMessage", tag);
  }
}

export const enum ViewerNoticeTag {
  Welcome = 1,
  NoPage = 2,
  SetLevel = 3,
  Pointer = 4,
  Acted = 5,
  Ended = 6,
  Reconnect = 7,
  Online = 8,
  Paused = 9,
  Beat = 10,
  Draw = 11,
  Erase = 12,
  Pressed = 13,
  Tabs = 14,
  Met = 15,
  Resumed = 16,
  Native = 20,
  Limited = 40,
}

export type ViewerNotice =
  | { tag: ViewerNoticeTag.Welcome; version: number; level: Level }
  | { tag: ViewerNoticeTag.NoPage }
  | { tag: ViewerNoticeTag.SetLevel; level: Level }
  | { tag: ViewerNoticeTag.Pointer; x: number; y: number }
  | { tag: ViewerNoticeTag.Acted; id: number; refusal: Refusal | null; rule: string }
  | { tag: ViewerNoticeTag.Ended }
  | { tag: ViewerNoticeTag.Reconnect; after: number }
  | { tag: ViewerNoticeTag.Online; online: boolean }
  | { tag: ViewerNoticeTag.Paused; paused: boolean }
  | { tag: ViewerNoticeTag.Beat; agent: number | null; customer: number | null }
  | { tag: ViewerNoticeTag.Draw; drawing: Drawing }
  | { tag: ViewerNoticeTag.Erase; participant: number; id: number }
  | { tag: ViewerNoticeTag.Pressed; x: number; y: number }
  | { tag: ViewerNoticeTag.Tabs; tabs: readonly Tab[]; shown: number; follows: boolean }
  | { tag: ViewerNoticeTag.Met; what: Meeting; site: string }
  | { tag: ViewerNoticeTag.Resumed }
  | { tag: ViewerNoticeTag.Native; native: Native; shown: boolean; text: string }
  | { tag: ViewerNoticeTag.Limited; cap: Cap | null };

export function writeViewerNotice(w: Writer, m: ViewerNotice): void {
  w.byte(m.tag);
  switch (m.tag) {
    case ViewerNoticeTag.Welcome:
      w.u32(m.version);
      w.byte(m.level);
      break;
    case ViewerNoticeTag.NoPage:
      break;
    case ViewerNoticeTag.SetLevel:
      w.byte(m.level);
      break;
    case ViewerNoticeTag.Pointer:
      w.i32(m.x);
      w.i32(m.y);
      break;
    case ViewerNoticeTag.Acted:
      w.u32(m.id);
      w.option(m.refusal, (x) => w.byte(x));
      w.string(m.rule);
      break;
    case ViewerNoticeTag.Ended:
      break;
    case ViewerNoticeTag.Reconnect:
      w.u32(m.after);
      break;
    case ViewerNoticeTag.Online:
      w.bool(m.online);
      break;
    case ViewerNoticeTag.Paused:
      w.bool(m.paused);
      break;
    case ViewerNoticeTag.Beat:
      w.option(m.agent, (x) => w.u32(x));
      w.option(m.customer, (x) => w.u32(x));
      break;
    case ViewerNoticeTag.Draw:
      writeDrawing(w, m.drawing);
      break;
    case ViewerNoticeTag.Erase:
      w.u32(m.participant);
      w.u32(m.id);
      break;
    case ViewerNoticeTag.Pressed:
      w.i32(m.x);
      w.i32(m.y);
      break;
    case ViewerNoticeTag.Tabs:
      w.list(m.tabs, (x) => writeTab(w, x));
      w.u32(m.shown);
      w.bool(m.follows);
      break;
    case ViewerNoticeTag.Met:
      w.byte(m.what);
      w.string(m.site);
      break;
    case ViewerNoticeTag.Resumed:
      break;
    case ViewerNoticeTag.Native:
      w.byte(m.native);
      w.bool(m.shown);
      w.string(m.text);
      break;
    case ViewerNoticeTag.Limited:
      w.option(m.cap, (x) => w.byte(x));
      break;
  }
}

export function readViewerNotice(r: Reader): ViewerNotice {
  const tag = r.byte();
  switch (tag) {
    case ViewerNoticeTag.Welcome:
      return { tag, version: r.u32(), level: r.byte() as Level };
    case ViewerNoticeTag.NoPage:
      return { tag };
    case ViewerNoticeTag.SetLevel:
      return { tag, level: r.byte() as Level };
    case ViewerNoticeTag.Pointer:
      return { tag, x: r.i32(), y: r.i32() };
    case ViewerNoticeTag.Acted:
      return { tag, id: r.u32(), refusal: r.option(() => r.byte() as Refusal), rule: r.string() };
    case ViewerNoticeTag.Ended:
      return { tag };
    case ViewerNoticeTag.Reconnect:
      return { tag, after: r.u32() };
    case ViewerNoticeTag.Online:
      return { tag, online: r.bool() };
    case ViewerNoticeTag.Paused:
      return { tag, paused: r.bool() };
    case ViewerNoticeTag.Beat:
      return { tag, agent: r.option(() => r.u32()), customer: r.option(() => r.u32()) };
    case ViewerNoticeTag.Draw:
      return { tag, drawing: readDrawing(r) };
    case ViewerNoticeTag.Erase:
      return { tag, participant: r.u32(), id: r.u32() };
    case ViewerNoticeTag.Pressed:
      return { tag, x: r.i32(), y: r.i32() };
    case ViewerNoticeTag.Tabs:
      return { tag, tabs: r.list(() => readTab(r)), shown: r.u32(), follows: r.bool() };
    case ViewerNoticeTag.Met:
      return { tag, what: r.byte() as Meeting, site: r.string() };
    case ViewerNoticeTag.Resumed:
      return { tag };
    case ViewerNoticeTag.Native:
      return { tag, native: r.byte() as Native, shown: r.bool(), text: r.string() };
    case ViewerNoticeTag.Limited:
      return { tag, cap: r.option(() => r.byte() as Cap) };
    default:
      return r.fail("ViewerNotice", tag);
  }
}

export const enum NoticeTag {
  Dialog = 1,
}

export type Notice =
  | { tag: NoticeTag.Dialog; kind: string };

export function writeNotice(w: Writer, m: Notice): void {
  w.byte(m.tag);
  switch (m.tag) {
    case NoticeTag.Dialog:
      w.string(m.kind);
      break;
  }
}

export function readNotice(r: Reader): Notice {
  const tag = r.byte();
  switch (tag) {
    case NoticeTag.Dialog:
      return { tag, kind: r.string() };
    default:
      return r.fail("Notice", tag);
  }
}
