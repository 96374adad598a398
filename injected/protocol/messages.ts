// Generated from src/protocol by `LADO_WRITE=1 cargo test -q typescript`. Do not edit.

import { byte, bytes, flag, i32, type Layout, list, node, option, record, string, tagged, tree, u32 } from "./layout";
import type { Tree } from "./wire";

export const VERSION = 2;
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

export const Viewport: Layout<Viewport> = /* @__PURE__ */ record({ width: u32, height: u32, density: u32 });

export interface Attr {
  name: string;
  value: string;
}

export const Attr: Layout<Attr> = /* @__PURE__ */ record({ name: string, value: string });

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
  Splice = 78,
  Framed = 79,
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
  | { tag: OpTag.Splice; node: number; at: number; cut: number; text: string }
  | { tag: OpTag.Framed; node: number; nonce: string }
  | { tag: OpTag.Check; node: number; sums: readonly number[] };

export const Op: Layout<Op> = /* @__PURE__ */ tagged("Op", {
  [OpTag.Snapshot]: { epoch: u32, base: u32, url: string, baseUrl: string, title: string, quirks: flag, viewport: Viewport, scrollX: i32, scrollY: i32, tree: tree },
  [OpTag.Insert]: { parent: u32, prev: u32, base: u32, tree: tree },
  [OpTag.Move]: { node: node, parent: u32, prev: u32 },
  [OpTag.Remove]: { nodes: /* @__PURE__ */ list(u32) },
  [OpTag.SetAttr]: { node: node, name: string, value: /* @__PURE__ */ option(string) },
  [OpTag.SetText]: { node: node, text: string },
  [OpTag.SetValue]: { node: node, value: string },
  [OpTag.SetChecked]: { node: node, checked: flag, indeterminate: flag },
  [OpTag.SetSelected]: { node: node, options: /* @__PURE__ */ list(u32) },
  [OpTag.Scroll]: { node: node, x: i32, y: i32 },
  [OpTag.Resize]: { viewport: Viewport },
  [OpTag.SetTitle]: { title: string },
  [OpTag.SetUrl]: { url: string },
  [OpTag.Focus]: { node: node },
  [OpTag.SetSheet]: { node: node, css: string },
  [OpTag.SetAdopted]: { node: node, sheets: /* @__PURE__ */ list(string) },
  [OpTag.Opaque]: { node: node },
  [OpTag.DefineSheet]: { sheet: u32, css: string },
  [OpTag.Adopt]: { node: node, sheets: /* @__PURE__ */ list(u32) },
  [OpTag.InsertRule]: { node: node, sheet: u32, path: /* @__PURE__ */ list(u32), css: string },
  [OpTag.SetRule]: { node: node, sheet: u32, path: /* @__PURE__ */ list(u32), css: string },
  [OpTag.DeleteRule]: { node: node, sheet: u32, path: /* @__PURE__ */ list(u32) },
  [OpTag.DisableSheet]: { node: node, sheet: u32, disabled: flag },
  [OpTag.Select]: { anchor: u32, anchorOffset: u32, focus: u32, focusOffset: u32 },
  [OpTag.Caret]: { node: node, start: u32, end: u32 },
  [OpTag.Picture]: { node: node, image: bytes },
  [OpTag.Play]: { node: node, paused: flag, time: u32, rate: u32, muted: flag },
  [OpTag.SetLayer]: { node: node, layer: byte },
  [OpTag.Hover]: { node: node },
  [OpTag.Press]: { node: node },
  [OpTag.Ring]: { node: node },
  [OpTag.Features]: { matched: /* @__PURE__ */ list(string) },
  [OpTag.OpenList]: { node: node, open: flag },
  [OpTag.View]: { x: i32, y: i32, width: u32, height: u32, scale: u32, bar: u32 },
  [OpTag.Quirks]: { node: node, quirks: flag },
  [OpTag.Splice]: { node: node, at: u32, cut: u32, text: string },
  [OpTag.Framed]: { node: node, nonce: string },
  [OpTag.Check]: { node: node, sums: /* @__PURE__ */ list(u32) },
});

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

export const Shape: Layout<Shape> = /* @__PURE__ */ tagged("Shape", {
  [ShapeTag.Pen]: { node: node, points: /* @__PURE__ */ list(i32) },
  [ShapeTag.Arrow]: { node: node, x1: i32, y1: i32, x2: i32, y2: i32 },
  [ShapeTag.Rectangle]: { node: node, x1: i32, y1: i32, x2: i32, y2: i32 },
  [ShapeTag.Text]: { node: node, x: i32, y: i32, text: string },
  [ShapeTag.Highlight]: { node: node },
  [ShapeTag.Ping]: { node: node, x: i32, y: i32 },
  [ShapeTag.Trail]: { node: node, points: /* @__PURE__ */ list(i32) },
});

export interface Drawing {
  participant: number;
  name: string;
  role: string;
  id: number;
  colour: number;
  stays: boolean;
  shape: Shape;
}

export const Drawing: Layout<Drawing> = /* @__PURE__ */ record({ participant: u32, name: string, role: string, id: u32, colour: u32, stays: flag, shape: Shape });

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

export const Action: Layout<Action> = /* @__PURE__ */ tagged("Action", {
  [ActionTag.Click]: { node: node, x: u32, y: u32, button: byte, count: u32 },
  [ActionTag.Type]: { node: node, text: string },
  [ActionTag.Key]: { node: node, key: string, shift: flag, ctrl: flag, alt: flag, meta: flag },
  [ActionTag.SetValue]: { node: node, value: string },
  [ActionTag.Scroll]: { node: node, x: i32, y: i32 },
  [ActionTag.Focus]: { node: node },
  [ActionTag.Hover]: { node: node, x: u32, y: u32 },
  [ActionTag.Back]: {},
  [ActionTag.Forward]: {},
  [ActionTag.Reload]: {},
  [ActionTag.Navigate]: { url: string },
  [ActionTag.Select]: { node: node, options: /* @__PURE__ */ list(u32) },
  [ActionTag.Drag]: { node: node, x: u32, y: u32, to: u32, toX: u32, toY: u32 },
});

export const enum Refusal {
  Locked = 1,
  Masked = 2,
  NotAllowed = 3,
  Gone = 4,
  NotPossible = 5,
  Paused = 6,
  Asked = 20,
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
  Typed = 11,
  Hidden = 12,
  Look = 13,
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
  | { tag: PageMessageTag.Typed; letter: number }
  | { tag: PageMessageTag.Hidden; count: number; last: number }
  | { tag: PageMessageTag.Look; node: number; x: number; y: number }
  | { tag: PageMessageTag.Native; native: Native; shown: boolean; text: string }
  | { tag: PageMessageTag.TooLarge };

export const PageMessage: Layout<PageMessage> = /* @__PURE__ */ tagged("PageMessage", {
  [PageMessageTag.Hello]: { version: u32, page: string, tab: string, url: string, sent: u32, visible: flag },
  [PageMessageTag.Batch]: { seq: u32, ops: /* @__PURE__ */ list(Op) },
  [PageMessageTag.Visible]: { visible: flag },
  [PageMessageTag.Pointer]: { x: i32, y: i32 },
  [PageMessageTag.Done]: { id: u32, refusal: /* @__PURE__ */ option(byte) },
  [PageMessageTag.Restart]: {},
  [PageMessageTag.Hide]: { node: node },
  [PageMessageTag.Pause]: {},
  [PageMessageTag.Secret]: { field: u32, value: string, done: flag },
  [PageMessageTag.Pressed]: { x: i32, y: i32 },
  [PageMessageTag.Typed]: { letter: u32 },
  [PageMessageTag.Hidden]: { count: u32, last: u32 },
  [PageMessageTag.Look]: { node: node, x: i32, y: i32 },
  [PageMessageTag.Native]: { native: byte, shown: flag, text: string },
  [PageMessageTag.TooLarge]: {},
});

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
  Show = 15,
  Mend = 40,
  Frame = 41,
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
  | { tag: PageCommandTag.Show; last: number }
  | { tag: PageCommandTag.Mend; node: number }
  | { tag: PageCommandTag.Frame; nonce: string };

export const PageCommand: Layout<PageCommand> = /* @__PURE__ */ tagged("PageCommand", {
  [PageCommandTag.Welcome]: { version: u32, received: u32, snapshot: flag, level: byte },
  [PageCommandTag.Ack]: { seq: u32 },
  [PageCommandTag.Resync]: {},
  [PageCommandTag.Act]: { id: u32, action: Action },
  [PageCommandTag.Pointer]: { participant: u32, name: string, role: string, shown: flag, x: i32, y: i32 },
  [PageCommandTag.SetLevel]: { level: byte },
  [PageCommandTag.Ended]: {},
  [PageCommandTag.Reconnect]: { after: u32 },
  [PageCommandTag.Watched]: { viewers: u32 },
  [PageCommandTag.Paused]: { paused: flag },
  [PageCommandTag.Rules]: { json: string },
  [PageCommandTag.Beat]: {},
  [PageCommandTag.Draw]: { drawing: Drawing },
  [PageCommandTag.Erase]: { participant: u32, id: u32 },
  [PageCommandTag.Show]: { last: u32 },
  [PageCommandTag.Mend]: { node: node },
  [PageCommandTag.Frame]: { nonce: string },
});

export interface Tab {
  id: number;
  title: string;
  url: string;
  icon: string;
  visible: boolean;
}

export const Tab: Layout<Tab> = /* @__PURE__ */ record({ id: u32, title: string, url: string, icon: string, visible: flag });

export interface FrameAt {
  node: number;
  page: number;
}

export const FrameAt: Layout<FrameAt> = /* @__PURE__ */ record({ node: node, page: u32 });

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
  Enter = 8,
}

export type ViewerRequest =
  | { tag: ViewerRequestTag.Hello; version: number; ticket: string }
  | { tag: ViewerRequestTag.Act; id: number; action: Action }
  | { tag: ViewerRequestTag.Pointer; shown: boolean; x: number; y: number }
  | { tag: ViewerRequestTag.Resync }
  | { tag: ViewerRequestTag.Draw; id: number; colour: number; stays: boolean; shape: Shape }
  | { tag: ViewerRequestTag.Erase; id: number }
  | { tag: ViewerRequestTag.Watch; tab: number | null }
  | { tag: ViewerRequestTag.Enter; version: number; ticket: string; page: number };

export const ViewerRequest: Layout<ViewerRequest> = /* @__PURE__ */ tagged("ViewerRequest", {
  [ViewerRequestTag.Hello]: { version: u32, ticket: string },
  [ViewerRequestTag.Act]: { id: u32, action: Action },
  [ViewerRequestTag.Pointer]: { shown: flag, x: i32, y: i32 },
  [ViewerRequestTag.Resync]: {},
  [ViewerRequestTag.Draw]: { id: u32, colour: u32, stays: flag, shape: Shape },
  [ViewerRequestTag.Erase]: { id: u32 },
  [ViewerRequestTag.Watch]: { tab: /* @__PURE__ */ option(u32) },
  [ViewerRequestTag.Enter]: { version: u32, ticket: string, page: u32 },
});

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
  Look = 17,
  Native = 20,
  Limited = 40,
  Frames = 41,
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
  | { tag: ViewerNoticeTag.Look; node: number; x: number; y: number }
  | { tag: ViewerNoticeTag.Native; native: Native; shown: boolean; text: string }
  | { tag: ViewerNoticeTag.Limited; cap: Cap | null }
  | { tag: ViewerNoticeTag.Frames; frames: readonly FrameAt[] };

export const ViewerNotice: Layout<ViewerNotice> = /* @__PURE__ */ tagged("ViewerNotice", {
  [ViewerNoticeTag.Welcome]: { version: u32, level: byte },
  [ViewerNoticeTag.NoPage]: {},
  [ViewerNoticeTag.SetLevel]: { level: byte },
  [ViewerNoticeTag.Pointer]: { x: i32, y: i32 },
  [ViewerNoticeTag.Acted]: { id: u32, refusal: /* @__PURE__ */ option(byte), rule: string },
  [ViewerNoticeTag.Ended]: {},
  [ViewerNoticeTag.Reconnect]: { after: u32 },
  [ViewerNoticeTag.Online]: { online: flag },
  [ViewerNoticeTag.Paused]: { paused: flag },
  [ViewerNoticeTag.Beat]: { agent: /* @__PURE__ */ option(u32), customer: /* @__PURE__ */ option(u32) },
  [ViewerNoticeTag.Draw]: { drawing: Drawing },
  [ViewerNoticeTag.Erase]: { participant: u32, id: u32 },
  [ViewerNoticeTag.Pressed]: { x: i32, y: i32 },
  [ViewerNoticeTag.Tabs]: { tabs: /* @__PURE__ */ list(Tab), shown: u32, follows: flag },
  [ViewerNoticeTag.Met]: { what: byte, site: string },
  [ViewerNoticeTag.Resumed]: {},
  [ViewerNoticeTag.Look]: { node: node, x: i32, y: i32 },
  [ViewerNoticeTag.Native]: { native: byte, shown: flag, text: string },
  [ViewerNoticeTag.Limited]: { cap: /* @__PURE__ */ option(byte) },
  [ViewerNoticeTag.Frames]: { frames: /* @__PURE__ */ list(FrameAt) },
});

export const enum ViewerMessageTag {
  Ops = 1,
  Notice = 2,
}

export type ViewerMessage =
  | { tag: ViewerMessageTag.Ops; seq: number; ops: readonly Op[] }
  | { tag: ViewerMessageTag.Notice; notice: ViewerNotice };

export const ViewerMessage: Layout<ViewerMessage> = /* @__PURE__ */ tagged("ViewerMessage", {
  [ViewerMessageTag.Ops]: { seq: u32, ops: /* @__PURE__ */ list(Op) },
  [ViewerMessageTag.Notice]: { notice: ViewerNotice },
});

export const enum NoticeTag {
  Dialog = 1,
}

export type Notice =
  | { tag: NoticeTag.Dialog; kind: string };

export const Notice: Layout<Notice> = /* @__PURE__ */ tagged("Notice", {
  [NoticeTag.Dialog]: { kind: string },
});
