//! Encoded messages for viewers: what their queues hold, and nothing else.

use bytes::Bytes;

use super::Masked;
use crate::protocol::{self, Op, ViewerMessage, ViewerNotice, Wire, Writer};

/// One WebSocket message for viewers. Cheap to clone: one encoding serves all of them. Ops come in masked or not at all:
///
/// ```
/// fn send(op: lado::mask::Masked<lado::protocol::Op>) -> lado::mask::Frame {
///     lado::mask::Frame::ops(1, &[op])
/// }
/// ```
/// ```compile_fail
/// fn send(op: lado::protocol::Op) -> lado::mask::Frame {
///     lado::mask::Frame::ops(1, &[op])
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// Changes of the page; `seq` counts up by one for each frame of a page.
    pub fn ops(seq: u32, ops: &[Masked<Op>]) -> Self {
        // Op by op, so that nothing is cloned to be encoded.
        let mut dictionary = protocol::Dictionary::default();
        let mut writer = Writer::new(&mut dictionary);
        writer.byte(OPS);
        writer.u32(seq);
        writer.u32(u32::try_from(ops.len()).unwrap_or(u32::MAX));
        for op in ops {
            op.0.encode(&mut writer);
        }
        Self(writer.finish().into())
    }

    pub fn notice(notice: &ViewerNotice) -> Self {
        Self(protocol::encode(&ViewerMessage::Notice { notice: notice.clone() }).into())
    }

    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// The tag of [`ViewerMessage::Ops`].
const OPS: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_decodes_as_the_message_it_stands_for() {
        let ops = vec![Op::Remove { nodes: vec![3, 4] }, Op::SetTitle { title: "Loja".into() }];
        let masked: Vec<_> = ops.iter().cloned().map(Masked).collect();
        let message: ViewerMessage = protocol::decode(Frame::ops(7, &masked).bytes()).unwrap();
        assert_eq!(message, ViewerMessage::Ops { seq: 7, ops });
    }
}
