//! The messages. Tags are for ever: a message that goes keeps its number retired.

use super::tree::Tree;
use super::wire::{Bytes, Reader, Wire, WireError, Writer};

/// Declares structs and tagged enums once, with their encoding and their TypeScript.
macro_rules! messages {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($body:tt)* })*) => {
        $(messages!(@$kind [$(#[$doc])*] $name { $($body)* });)*

        /// The TypeScript of every message, in order.
        pub(super) fn typescript() -> String {
            let mut out = String::new();
            $(out.push_str(&$name::typescript());)*
            out
        }
    };

    (@record [$(#[$doc:meta])*] $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }

        impl Wire for $name {
            fn encode(&self, w: &mut Writer<'_>) { $(self.$field.encode_as(stringify!($field), w);)* }
            fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(Self { $($field: Wire::decode_as(stringify!($field), r)?,)* })
            }
            fn ts_type() -> String { stringify!($name).into() }
            fn ts_layout() -> String { stringify!($name).into() }
        }

        impl $name {
            fn typescript() -> String {
                let fields: &[super::typescript::Field] =
                    &[$(super::typescript::Field::of::<$type>(stringify!($field)),)*];
                super::typescript::record(stringify!($name), fields)
            }
        }
    };

    (@tagged [$(#[$doc:meta])*] $name:ident {
        $($(#[$vdoc:meta])* $tag:literal => $variant:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? },)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant { $($(#[$fdoc])* $field: $type,)* },)* }

        impl Wire for $name {
            fn encode(&self, w: &mut Writer<'_>) {
                match self {
                    $(Self::$variant { $($field,)* } => { w.byte($tag); $($field.encode_as(stringify!($field), w);)* })*
                }
            }
            fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
                match r.byte()? {
                    $($tag => Ok(Self::$variant { $($field: Wire::decode_as(stringify!($field), r)?,)* }),)*
                    other => Err(WireError::Tag(stringify!($name), other)),
                }
            }
            fn ts_type() -> String { stringify!($name).into() }
            fn ts_layout() -> String { stringify!($name).into() }
        }

        impl $name {
            fn typescript() -> String {
                let variants: &[super::typescript::Variant] = &[$(super::typescript::Variant {
                    tag: $tag,
                    name: stringify!($variant),
                    fields: vec![$(super::typescript::Field::of::<$type>(stringify!($field)),)*],
                },)*];
                super::typescript::tagged(stringify!($name), variants)
            }
        }
    };

    (@choice [$(#[$doc:meta])*] $name:ident { $($(#[$vdoc:meta])* $tag:literal => $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl Wire for $name {
            fn encode(&self, w: &mut Writer<'_>) { w.byte(match self { $(Self::$variant => $tag,)* }); }
            fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
                match r.byte()? {
                    $($tag => Ok(Self::$variant),)*
                    other => Err(WireError::Tag(stringify!($name), other)),
                }
            }
            fn ts_type() -> String { stringify!($name).into() }
            fn ts_layout() -> String { "byte".into() }
        }

        impl $name {
            fn typescript() -> String {
                super::typescript::choice(stringify!($name), &[$((stringify!($variant), $tag),)*])
            }
        }
    };
}

messages! {
    /// The customer's window, in CSS pixels.
    record Viewport {
        width: u32,
        height: u32,
        /// Device pixels per CSS pixel, in thousandths.
        density: u32,
    }

    record Attr {
        name: String,
        value: String,
    }

    /// What the agent may do. Each level includes those before it.
    choice Level {
        1 => Look,
        /// Show a pointer on the customer's page.
        2 => Point,
        /// Click, type and scroll.
        3 => Control,
    }

    /// What a page has too much of to be shown.
    choice Cap {
        1 => Nodes,
        2 => Bytes,
        3 => Depth,
        /// It changes faster than it can be followed.
        4 => Changes,
    }

    choice Button {
        0 => Left,
        1 => Middle,
        2 => Right,
    }

    /// Where an element is in front of everything else (CSS Positioned Layout 4, "top layer").
    choice Layer {
        0 => None,
        1 => Modal,
        2 => Popover,
        3 => Fullscreen,
    }

    /// What a browser shows outside the page, or does with it.
    choice Native {
        1 => Alert,
        2 => Confirm,
        3 => Prompt,
        4 => File,
        5 => Date,
        6 => Color,
        7 => Permission,
        8 => Print,
        9 => Download,
        10 => Leave,
        11 => Share,
        12 => Credential,
    }

    /// One change of a page. `node` and `parent` are ids; `prev` is the sibling before, or 0.
    tagged Op {
        /// The whole page: replaces everything. The tree's root nodes are children of node id 1, the document itself,
        /// so `base` is the id of the first node of the tree and greater than 1. `epoch` counts the snapshots of a page.
        1 => Snapshot {
            epoch: u32, base: u32, url: String, base_url: String, title: String, quirks: bool,
            viewport: Viewport, scroll_x: i32, scroll_y: i32, tree: Tree,
        },
        /// The tree's nodes take the ids from `base` on, which no node has had before.
        2 => Insert { parent: u32, prev: u32, base: u32, tree: Tree },
        3 => Move { node: u32, parent: u32, prev: u32 },
        4 => Remove { nodes: Vec<u32> },
        /// `None` removes the attribute.
        5 => SetAttr { node: u32, name: String, value: Option<String> },
        6 => SetText { node: u32, text: String },
        /// The current value of an input, textarea or select.
        7 => SetValue { node: u32, value: String },
        8 => SetChecked { node: u32, checked: bool, indeterminate: bool },
        /// The selected options of a select element.
        9 => SetSelected { node: u32, options: Vec<u32> },
        /// Scroll position of an element, or of the window where `node` is 1, in CSS pixels.
        10 => Scroll { node: u32, x: i32, y: i32 },
        11 => Resize { viewport: Viewport },
        12 => SetTitle { title: String },
        13 => SetUrl { url: String },
        /// Keyboard focus; 0 for none.
        14 => Focus { node: u32 },
        /// The rules of a style sheet that script has changed, as text. `node` is its style or link element.
        15 => SetSheet { node: u32, css: String },
        /// The constructed style sheets of a document (1) or of a shadow root.
        16 => SetAdopted { node: u32, sheets: Vec<String> },
        /// A frame's document that the page may not look into: its element shows a placeholder.
        17 => Opaque { node: u32 },
        /// A constructed style sheet as it is now. `sheet` numbers them for the page, from 1 on.
        60 => DefineSheet { sheet: u32, css: String },
        /// The constructed style sheets of the document (1) or of a shadow root, in order.
        61 => Adopt { node: u32, sheets: Vec<u32> },
        /// A rule comes into a sheet: that of the style or link element `node` or, where that is 0, the constructed
        /// `sheet`. `path` is where it will be: the positions of the groups around it from the outside in, then its own.
        62 => InsertRule { node: u32, sheet: u32, path: Vec<u32>, css: String },
        /// A rule is another one from now on.
        63 => SetRule { node: u32, sheet: u32, path: Vec<u32>, css: String },
        64 => DeleteRule { node: u32, sheet: u32, path: Vec<u32> },
        65 => DisableSheet { node: u32, sheet: u32, disabled: bool },
        /// What the customer has selected in the page's text; `anchor` 0 for nothing. Offsets as in DOM ranges.
        66 => Select { anchor: u32, anchor_offset: u32, focus: u32, focus_offset: u32 },
        /// The caret or selection in a text field, in UTF-16 units; `node` 0 for none.
        67 => Caret { node: u32, start: u32, end: u32 },
        /// What a canvas shows: a WebP, PNG or JPEG.
        68 => Picture { node: u32, image: Bytes },
        /// Where a video or a sound is, in milliseconds; its speed in thousandths.
        69 => Play { node: u32, paused: bool, time: u32, rate: u32, muted: bool },
        /// An element came to the top layer, above those there, or left it.
        70 => SetLayer { node: u32, layer: Layer },
        /// The innermost element under the customer's mouse; 0 for none.
        71 => Hover { node: u32 },
        /// The innermost element that the customer's mouse or finger presses; 0 for none.
        72 => Press { node: u32 },
        /// The element that shows that it has keyboard focus (`:focus-visible`); 0 for none.
        73 => Ring { node: u32 },
        /// The media features of the customer's browser that agents' may have otherwise, as `name: value`.
        74 => Features { matched: Vec<String> },
        /// The list of a select element is open or not.
        75 => OpenList { node: u32, open: bool },
        /// The part of the window that the customer sees after pinching or behind a keyboard on the screen, in CSS
        /// pixels; `scale` in thousandths. `bar` is the width of the window's scroll bar.
        76 => View { x: i32, y: i32, width: u32, height: u32, scale: u32, bar: u32 },
        /// Whether the document of a frame is in quirks mode; it is not unless this says so.
        77 => Quirks { node: u32, quirks: bool },
        /// A part of a field's last value is replaced, as by typing; from pages only. `at` and `cut` count UTF-16 units.
        78 => Splice { node: u32, at: u32, cut: u32, text: String },
        /// The frame's document has a line of its own, on which Lado has told it this nonce; from pages only.
        79 => Framed { node: u32, nonce: String },
        /// What the nodes from `node` on add up to, `SUM_GROUP` of them a sum, in document order and as they are when
        /// the ops before have been applied. Changes nothing.
        40 => Check { node: u32, sums: Vec<u32> },
    }

    /// What a participant puts over the page. Places are in thousandths of an element's width and height, so that they
    /// stay where they are under scrolling, resizing and on other screens; they may lie outside of the element.
    tagged Shape {
        /// A line by hand: x and y in turn.
        1 => Pen { node: u32, points: Vec<i32> },
        2 => Arrow { node: u32, x1: i32, y1: i32, x2: i32, y2: i32 },
        3 => Rectangle { node: u32, x1: i32, y1: i32, x2: i32, y2: i32 },
        4 => Text { node: u32, x: i32, y: i32, text: String },
        /// The outline of an element.
        5 => Highlight { node: u32 },
        /// Look here: the other side scrolls to it.
        6 => Ping { node: u32, x: i32, y: i32 },
        /// A laser pointer's trail, gone in a moment: x and y in turn.
        7 => Trail { node: u32, points: Vec<i32> },
    }

    record Drawing {
        /// Who drew: a number from 1 for each agent of the session.
        participant: u32,
        name: String,
        role: String,
        /// The participant's own number, from 1.
        id: u32,
        /// An index into the palette that page and viewer share.
        colour: u32,
        /// Until it is erased; else it vanishes after some seconds.
        stays: bool,
        shape: Shape,
    }

    /// What an agent asks the page to do.
    tagged Action {
        /// A click at a point inside the element, in thousandths of its width and height.
        1 => Click { node: u32, x: u32, y: u32, button: Button, count: u32 },
        /// Text at the caret of a field, as if typed. Never a newline: that is a Key.
        2 => Type { node: u32, text: String },
        /// A key by its name (UI Events KeyboardEvent key): Enter, Tab, Backspace, Delete, Escape, arrows, Home, End.
        3 => Key { node: u32, key: String, shift: bool, ctrl: bool, alt: bool, meta: bool },
        /// The whole value of a select, date, range or colour input.
        4 => SetValue { node: u32, value: String },
        5 => Scroll { node: u32, x: i32, y: i32 },
        6 => Focus { node: u32 },
        7 => Hover { node: u32, x: u32, y: u32 },
        8 => Back {},
        9 => Forward {},
        10 => Reload {},
        /// An address of the site itself, as the agent sees it (not a view host's).
        11 => Navigate { url: String },
        /// The options to select, by node id.
        12 => Select { node: u32, options: Vec<u32> },
        /// Pressed at one point, moved, let go at another; points as in Click.
        20 => Drag { node: u32, x: u32, y: u32, to: u32, to_x: u32, to_y: u32 },
    }

    /// Why an action was not carried out. Agents read it in their language; `rule` names the lock or mask.
    choice Refusal {
        1 => Locked,
        2 => Masked,
        3 => NotAllowed,
        4 => Gone,
        5 => NotPossible,
        6 => Paused,
        /// Only people can do that: the customer has been asked to.
        20 => Asked,
    }

    /// What the page in the customer's browser tells Lado.
    tagged PageMessage {
        /// First on every connection. `page` is random for each document load, `tab` for each browser tab; a document in
        /// a frame has no tab. `sent` is the sequence number of the last batch the page has made, 0 before the first.
        1 => Hello { version: u32, page: String, tab: String, url: String, sent: u32, visible: bool },
        /// Changes in order; `seq` counts up from 1 and never skips.
        2 => Batch { seq: u32, ops: Vec<Op> },
        /// The tab came to the front or went away.
        3 => Visible { visible: bool },
        /// The customer's mouse or finger, in CSS pixels of the page (scroll included).
        4 => Pointer { x: i32, y: i32 },
        /// A command was carried out, or not and why.
        5 => Done { id: u32, refusal: Option<Refusal> },
        /// A batch could not be replayed after a reconnect: a snapshot follows.
        6 => Restart {},
        /// The customer hides an element from everyone else.
        7 => Hide { node: u32 },
        /// The customer blanks the whole view. Only the panel ends that: page scripts can say this, too.
        8 => Pause {},
        /// What the customer has put into a masked field: to be masked wherever it shows from now on. `field` is the
        /// page's own number for the field; `done` when the customer has left it.
        9 => Secret { field: u32, value: String, done: bool },
        /// The customer has pressed there, in CSS pixels of the page.
        10 => Pressed { x: i32, y: i32 },
        /// The next batch in short: in the place of what the page last said is selected in a text field stands the
        /// character `letter` (a Unicode scalar value), and the caret behind it.
        11 => Typed { letter: u32 },
        /// How many elements of the page the customer has hidden by hand and can show again; `last` is the page's own
        /// number for what was hidden last of those.
        12 => Hidden { count: u32, last: u32 },
        /// The customer points something out to agents; the place as in [`Shape`].
        13 => Look { node: u32, x: i32, y: i32 },
        /// The browser shows something outside the page, or has put it away. `text` is what it says, where page says it.
        20 => Native { native: Native, shown: bool, text: String },
        /// The page is more than one message holds: nothing of it is told for now.
        40 => TooLarge {},
    }

    /// What Lado tells the page.
    tagged PageCommand {
        /// Answers Hello. `received` is the last sequence number Lado holds: the page sends again what came after.
        /// `snapshot` asks for a snapshot first.
        1 => Welcome { version: u32, received: u32, snapshot: bool, level: Level },
        2 => Ack { seq: u32 },
        /// The mirror is lost or wrong: send a snapshot.
        3 => Resync {},
        /// Carry out an action that the server has allowed.
        4 => Act { id: u32, action: Action },
        /// The agent's pointer, in CSS pixels of the page; `shown` false takes it away.
        5 => Pointer { participant: u32, name: String, role: String, shown: bool, x: i32, y: i32 },
        6 => SetLevel { level: Level },
        /// The session is over: show the farewell page.
        7 => Ended {},
        /// Lado is about to restart: connect again after this many milliseconds.
        8 => Reconnect { after: u32 },
        /// How many people watch: 0 before the agent has joined.
        9 => Watched { viewers: u32 },
        /// Whether the customer has blanked the view.
        10 => Paused { paused: bool },
        /// Other rules from now on: the JSON of `SiteRules::page_json`.
        11 => Rules { json: String },
        /// Every second: a page that hears nothing has lost its connection.
        12 => Beat {},
        /// Show this over the page; one with the same participant and id takes its place.
        13 => Draw { drawing: Drawing },
        /// Take away one drawing of a participant, or all with id 0; of everybody with participant 0.
        14 => Erase { participant: u32, id: u32 },
        /// Show again what the customer has hidden by hand last, if that is still what the page has told by this number.
        15 => Show { last: u32 },
        /// The mirror is wrong inside this element: tell it anew.
        40 => Mend { node: u32 },
        /// To a document in a frame, after Welcome: what it says to the page around it, which says it in `Op::Framed`.
        41 => Frame { nonce: String },
    }

    /// A tab of the customer's, as far as agents may read it.
    record Tab {
        /// Counts up over the session; a tab keeps its number from page to page.
        id: u32,
        title: String,
        url: String,
        /// Where on the viewer's own host its icon is, or the icon itself as a `data:` URL; empty where agents may see none.
        icon: String,
        /// The customer has it in front.
        visible: bool,
    }

    /// A frame of a page, and the page that it shows.
    record FrameAt {
        node: u32,
        page: u32,
    }

    /// What the customer met instead of a page that can be mirrored.
    choice Meeting {
        /// A site that the company does not co-browse.
        1 => NotAllowed,
        /// A page about a site that failed.
        2 => Failed,
        3 => Pdf,
        4 => Image,
        5 => Download,
        /// Text, audio, video, JSON: shown by the browser itself.
        6 => Document,
        /// The site wants to know that nobody but a person is there, and may refuse to work through Lado.
        7 => BotWall,
        /// A sign-in that takes place at its own address only.
        8 => SignIn,
    }

    /// What a viewer tells Lado.
    tagged ViewerRequest {
        /// First on every connection; `ticket` was handed out by the console's API.
        1 => Hello { version: u32, ticket: String },
        2 => Act { id: u32, action: Action },
        /// In CSS pixels of the page; `shown` false when the mouse has left the page.
        3 => Pointer { shown: bool, x: i32, y: i32 },
        /// The viewer's tree went wrong: send a snapshot.
        4 => Resync {},
        5 => Draw { id: u32, colour: u32, stays: bool, shape: Shape },
        /// Takes away one of the agent's own drawings, or all of them with id 0.
        6 => Erase { id: u32 },
        /// Show this tab whatever the customer does; `None` follows the customer again.
        7 => Watch { tab: Option<u32> },
        /// In the place of Hello: this connection shows one frame of what another one of the agent's shows.
        8 => Enter { version: u32, ticket: String, page: u32 },
    }

    /// What a viewer is told beside ops: nothing in here comes from inside a page unmasked.
    tagged ViewerNotice {
        1 => Welcome { version: u32, level: Level },
        /// The customer has no page open: before the first, between two, after the tab is closed.
        2 => NoPage {},
        3 => SetLevel { level: Level },
        /// The customer's pointer, in CSS pixels of the page.
        4 => Pointer { x: i32, y: i32 },
        5 => Acted { id: u32, refusal: Option<Refusal>, rule: String },
        6 => Ended {},
        7 => Reconnect { after: u32 },
        /// The customer's browser is connected, or not at the moment.
        8 => Online { online: bool },
        /// The customer has blanked the view, or shows it again.
        9 => Paused { paused: bool },
        /// Every second: a viewer that hears nothing has lost its connection. Round trips in milliseconds, of the viewer
        /// and of the customer's page, as far as they are known.
        10 => Beat { agent: Option<u32>, customer: Option<u32> },
        /// As the page shows it.
        11 => Draw { drawing: Drawing },
        12 => Erase { participant: u32, id: u32 },
        /// The customer has pressed there, in CSS pixels of the page.
        13 => Pressed { x: i32, y: i32 },
        /// The customer's tabs, oldest first; the one that this viewer shows, 0 for none; whether it goes with the customer.
        14 => Tabs { tabs: Vec<Tab>, shown: u32, follows: bool },
        /// The customer has opened something at this site that the stage cannot show.
        15 => Met { what: Meeting, site: String },
        /// The customer is on a page again.
        16 => Resumed {},
        /// The customer points something out; the place as in [`Shape`].
        17 => Look { node: u32, x: i32, y: i32 },
        /// What the customer's browser shows outside the page; `text` has been masked.
        20 => Native { native: Native, shown: bool, text: String },
        /// The page in front is more than Lado shows, or (`None`) no longer.
        40 => Limited { cap: Option<Cap> },
        /// All frames of other origins that show in the page: each on a connection of its own ([`ViewerRequest::Enter`]).
        41 => Frames { frames: Vec<FrameAt> },
    }

    /// What Lado tells a viewer. Only `mask` makes frames with ops.
    tagged ViewerMessage {
        1 => Ops { seq: u32, ops: Vec<Op> },
        2 => Notice { notice: ViewerNotice },
    }

    /// Reserved for what a page shows outside its document.
    tagged Notice {
        1 => Dialog { kind: String },
    }
}
