//! The words that pages, viewers and Lado exchange over their sockets: one definition, generated for TypeScript.
//!
//! Every WebSocket message is binary and holds one message of this module. The first message of a connection carries
//! [`VERSION`]. Node ids inside a tree are not on the wire: they count up from the `base` of the op that carries it, in
//! document order, so both sides number alike. Viewers see the page's own ids: where mask leaves nodes out, or a mirror's
//! snapshot is not in order any more, [`TreeNode::At`] says which id comes next.

mod message;
pub mod sum;
mod tree;
pub mod typescript;
mod wire;

pub use message::{
    Action, Attr, Button, Cap, Drawing, FrameAt, Layer, Level, Meeting, Native, Notice, Op, PageCommand, PageMessage,
    Refusal, Shape, Tab, ViewerMessage, ViewerNotice, ViewerRequest, Viewport,
};
pub use sum::{SUM_GROUP, Sum};
pub use tree::{MAX_DEPTH, Namespace, Tree, TreeNode, kind};
pub use wire::{Bytes, Dictionary, Reader, Wire, WireError, Writer};

/// Both sides of a socket speak the same version or the socket is closed with a reason.
pub const VERSION: u32 = 2;

/// What stands in for every masked text, value and attribute: six bullets, whatever the length of what it hides.
pub const MASK: &str = "••••••";

/// The node id of "nothing": no previous sibling, no focus, the window itself.
pub const NONE: u32 = 0;

/// The largest message that either side accepts, in bytes.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Encodes a message with a dictionary of its own, so that one encoding serves every receiver.
pub fn encode<T: Wire>(message: &T) -> Vec<u8> {
    let mut dictionary = Dictionary::default();
    encode_with(message, &mut dictionary)
}

/// Encodes a message with the connection's dictionary.
pub fn encode_with<T: Wire>(message: &T, dictionary: &mut Dictionary) -> Vec<u8> {
    let mut writer = Writer::new(dictionary);
    message.encode(&mut writer);
    writer.finish()
}

/// # Errors
/// [`WireError`] when `bytes` is not exactly one message encoded by [`encode`].
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    let mut dictionary = Dictionary::default();
    decode_with(bytes, &mut dictionary)
}

/// # Errors
/// [`WireError`] when `bytes` is not exactly one message. The dictionary is then undefined: close the connection.
pub fn decode_with<T: Wire>(bytes: &[u8], dictionary: &mut Dictionary) -> Result<T, WireError> {
    let mut reader = Reader::new(bytes, dictionary);
    let message = T::decode(&mut reader)?;
    reader.finish()?;
    Ok(message)
}
