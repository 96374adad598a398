//! Bytes: varints, strings with a dictionary, lists. What a field looks like on the wire and in TypeScript.

use std::collections::HashMap;

use super::typescript::PURE;

/// A type with one encoding, and the TypeScript that reads and writes it.
pub trait Wire: Sized {
    fn encode(&self, w: &mut Writer<'_>);
    /// # Errors
    /// [`WireError`] when the bytes are not an encoding of `Self`.
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError>;

    /// The type's name in TypeScript.
    fn ts_type() -> String;
    /// How `injected/protocol/layout.ts` calls its encoding.
    fn ts_layout() -> String;

    /// Writes a field. One called `node` is told as what lies between it and the last one of the message: neighbours
    /// change together, and what is done to each row of a list is the same bytes for all of them.
    fn encode_as(&self, _name: &str, w: &mut Writer<'_>) {
        self.encode(w);
    }
    /// # Errors
    /// As [`Wire::decode`].
    fn decode_as(_name: &str, r: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::decode(r)
    }
    fn ts_layout_as(_name: &str) -> String {
        Self::ts_layout()
    }
}

const NODE: &str = "node";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the message ends in the middle of a field")]
    Truncated,
    #[error("{0} bytes follow the message")]
    Trailing(usize),
    #[error("a number does not fit 32 bits")]
    Overflow,
    #[error("a string is not UTF-8")]
    Utf8,
    #[error("string {0} is not in the dictionary")]
    Dictionary(u32),
    #[error("{1} is not a tag of {0}")]
    Tag(&'static str, u8),
    #[error("a tree is deeper than {0} levels")]
    Depth(usize),
}

/// The strings that one direction of one connection has seen: short ones are sent once, then by number.
///
/// Both sides add a literal of 1 to [`Dictionary::MAX_STRING`] bytes while fewer than [`Dictionary::MAX_ENTRIES`] are
/// held, so the number of a string is never on the wire and memory is bounded at about 1 MiB.
#[derive(Debug, Default)]
pub struct Dictionary {
    strings: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Dictionary {
    pub const MAX_STRING: usize = 64;
    pub const MAX_ENTRIES: usize = 8192;

    fn learns(&self, text: &str) -> bool {
        (1..=Self::MAX_STRING).contains(&text.len()) && self.strings.len() < Self::MAX_ENTRIES
    }
}

pub struct Writer<'a> {
    bytes: Vec<u8>,
    dictionary: &'a mut Dictionary,
    /// The last field called `node`.
    node: u32,
}

impl<'a> Writer<'a> {
    pub fn new(dictionary: &'a mut Dictionary) -> Self {
        Self { bytes: Vec::with_capacity(64), dictionary, node: 0 }
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// LEB128: seven bits a byte, lowest first.
    pub fn u32(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A length and that many bytes.
    pub fn literal(&mut self, bytes: &[u8]) {
        // A message is capped far below 4 GiB; what is longer is cut by the cap, not here.
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(bytes);
    }

    /// 0 and then a literal, or the number of a known string plus 1.
    pub fn string(&mut self, text: &str) {
        if let Some(&number) = self.dictionary.numbers.get(text) {
            self.u32(number + 1);
            return;
        }
        self.byte(0);
        self.literal(text.as_bytes());
        if self.dictionary.learns(text) {
            let number = self.dictionary.strings.len() as u32;
            self.dictionary.strings.push(text.into());
            self.dictionary.numbers.insert(text.into(), number);
        }
    }
}

pub struct Reader<'a> {
    bytes: &'a [u8],
    dictionary: &'a mut Dictionary,
    node: u32,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], dictionary: &'a mut Dictionary) -> Self {
        Self { bytes, dictionary, node: 0 }
    }

    /// A length and that many bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] when there are fewer.
    pub fn literal(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.u32()? as usize;
        if length > self.bytes.len() {
            return Err(WireError::Truncated);
        }
        let (bytes, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Ok(bytes)
    }

    /// # Errors
    /// [`WireError::Trailing`] when bytes are left.
    pub fn finish(self) -> Result<(), WireError> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(WireError::Trailing(left)),
        }
    }

    /// How many bytes are left: no list can have more items than that.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub fn byte(&mut self) -> Result<u8, WireError> {
        let (first, rest) = self.bytes.split_first().ok_or(WireError::Truncated)?;
        self.bytes = rest;
        Ok(*first)
    }

    pub fn u32(&mut self) -> Result<u32, WireError> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                return Err(WireError::Overflow);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Overflow)
    }

    pub fn string(&mut self) -> Result<String, WireError> {
        let number = self.u32()?;
        if number > 0 {
            let known = self.dictionary.strings.get(number as usize - 1);
            return known.map(|text| text.to_string()).ok_or(WireError::Dictionary(number));
        }
        let text = str::from_utf8(self.literal()?).map_err(|_| WireError::Utf8)?;
        if self.dictionary.learns(text) {
            self.dictionary.strings.push(text.into());
        }
        Ok(text.to_owned())
    }
}

macro_rules! simple {
    ($type:ty, $ts:literal, $layout:literal, |$value:ident, $w:ident| $encode:expr, |$r:ident| $decode:expr) => {
        impl Wire for $type {
            fn encode(&self, $w: &mut Writer<'_>) {
                let $value = self;
                $encode
            }
            fn decode($r: &mut Reader<'_>) -> Result<Self, WireError> {
                $decode
            }
            fn ts_type() -> String {
                $ts.into()
            }
            fn ts_layout() -> String {
                $layout.into()
            }
        }
    };
}

impl Wire for u32 {
    fn encode(&self, w: &mut Writer<'_>) {
        w.u32(*self);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.u32()
    }
    fn ts_type() -> String {
        "number".into()
    }
    fn ts_layout() -> String {
        "u32".into()
    }

    fn encode_as(&self, name: &str, w: &mut Writer<'_>) {
        if name == NODE {
            let step = self.wrapping_sub(w.node).cast_signed();
            w.node = *self;
            step.encode(w);
        } else {
            self.encode(w);
        }
    }
    fn decode_as(name: &str, r: &mut Reader<'_>) -> Result<Self, WireError> {
        if name == NODE {
            let step = i32::decode(r)?;
            r.node = r.node.wrapping_add_signed(step);
            Ok(r.node)
        } else {
            Self::decode(r)
        }
    }
    fn ts_layout_as(name: &str) -> String {
        if name == NODE { NODE.into() } else { Self::ts_layout() }
    }
}

simple!(i32, "number", "i32", |v, w| w.u32(((v << 1) ^ (v >> 31)) as u32), |r| {
    // Zigzag: small negative numbers stay short.
    let value = r.u32()?;
    Ok((value >> 1) as i32 ^ -((value & 1) as i32))
});
simple!(bool, "boolean", "flag", |v, w| w.byte(u8::from(*v)), |r| match r.byte()? {
    0 => Ok(false),
    1 => Ok(true),
    other => Err(WireError::Tag("bool", other)),
});
simple!(String, "string", "string", |v, w| w.string(v), |r| r.string());

/// Bytes of a picture, never learnt by the dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

simple!(Bytes, "Uint8Array", "bytes", |v, w| w.literal(&v.0), |r| r.literal().map(|bytes| Bytes(bytes.to_vec())));

impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, w: &mut Writer<'_>) {
        w.u32(u32::try_from(self.len()).unwrap_or(u32::MAX));
        for item in self {
            item.encode(w);
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = r.u32()? as usize;
        if count > r.remaining() {
            return Err(WireError::Truncated);
        }
        (0..count).map(|_| T::decode(r)).collect()
    }
    fn ts_type() -> String {
        format!("readonly {}[]", T::ts_type())
    }
    fn ts_layout() -> String {
        format!("{PURE}list({})", T::ts_layout())
    }
}

impl<T: Wire> Wire for Option<T> {
    fn encode(&self, w: &mut Writer<'_>) {
        w.byte(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(w);
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        if bool::decode(r)? { T::decode(r).map(Some) } else { Ok(None) }
    }
    fn ts_type() -> String {
        format!("{} | null", T::ts_type())
    }
    fn ts_layout() -> String {
        format!("{PURE}option({})", T::ts_layout())
    }
}
